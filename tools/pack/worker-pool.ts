/** @file Threads that run jobs, first come first served. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { EmbedError, type ErrorCode, type ErrorDetails } from "../../src/errors.ts";
import type { Job, JobResults } from "./jobs.ts";

/** A thread more than this would wait for the disk, and each takes its own working memory. */
const MAX_THREADS = 8;

interface Task {
  readonly job: Job;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

interface Reply {
  readonly result?: unknown;
  readonly error?: { readonly code: ErrorCode | null; readonly details: ErrorDetails; readonly message: string };
}

/** Owns its threads: `close` it. */
export class WorkerPool {
  readonly threads = Math.min(MAX_THREADS, availableParallelism());
  readonly #queue: Task[] = [];
  readonly #running = new Map<Worker, Task | null>();
  #closed: unknown = null;

  /** @throws What the job threw; what `close` was given when the pool closes first. */
  run<J extends Job>(job: J): Promise<JobResults[J["kind"]]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed as Error);
      this.#queue.push({ job, resolve, reject });
      this.#dispatch();
    });
  }

  /** Ends the threads, in the middle of a job if need be; jobs not done are rejected with `reason`. */
  async close(reason: unknown = new EmbedError("disposed", "the worker pool was closed")): Promise<void> {
    if (this.#closed) return;
    this.#closed = reason;
    for (const task of [...this.#queue.splice(0), ...this.#running.values()]) task?.reject(reason);
    await Promise.all([...this.#running.keys()].map((worker) => worker.terminate()));
  }

  #dispatch(): void {
    for (const [worker, task] of this.#running) if (!task) this.#start(worker);
    if (this.#queue.length > 0 && this.#running.size < this.threads) this.#start(this.#spawn());
  }

  #start(worker: Worker): void {
    const task = this.#queue.shift() ?? null;
    this.#running.set(worker, task);
    if (task) worker.postMessage(task.job);
  }

  #spawn(): Worker {
    const worker = new Worker(new URL("./pack.worker.mjs", import.meta.url), { execArgv: [] });
    worker.on("message", ({ result, error }: Reply) => {
      const task = this.#running.get(worker);
      if (error) task?.reject(toError(error));
      else task?.resolve(result as never);
      this.#start(worker);
    });
    worker.on("error", (cause) => {
      void this.close(new EmbedError("worker-crashed", `a pack thread died: ${cause.message}`, { cause }));
    });
    return worker;
  }
}

function toError({ code, details, message }: NonNullable<Reply["error"]>): Error {
  return code ? new EmbedError(code, message, { details }) : new Error(message);
}
