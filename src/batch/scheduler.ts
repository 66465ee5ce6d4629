/** @file Requests → passes: windows shared across requests, classes interleaved run by run, failures planned anew. */
import { EmbedError, assert, throwIfAborted } from "../errors.ts";
import { nextTask } from "../next-task.ts";
import type { Chunk, Pass, Priority, QueueLimits, QueueStatus } from "../types.ts";
import { Bell } from "./bell.ts";
import { Job, tokensOf, type JobItem, type JobOptions, type JobResult } from "./job.ts";
import { Lane, type RunningPass } from "./lane.ts";
import { SYSTEM_CLOCK, fullLimits, type Clock } from "./limits.ts";
import { PassTurn, cellsOf, failFor, fewestChunkTokens, groupByJob, itemsOf, type PassWork } from "./pass-work.ts";
import type { Planner } from "./planner.ts";
import { PRIORITIES, PriorityMutex } from "./queue.ts";

/** What a pass is run with. */
export interface PassContext {
  /** Ids of a sequence of the pass. */
  readonly inputIds: (sequence: number) => Int32Array;
  /** Lets one run through at a time, all passes together; higher classes first. */
  readonly exclusive: <T>(run: () => Promise<T>) => Promise<T>;
  /** To be told of each run of a chunk through a layer. */
  readonly onRun: (run: { readonly chunk: Chunk; readonly ms: number; readonly rows: "all" | "last" }) => void;
  /** How long a run of the chunk should take; `null` if unknown. */
  readonly expectedMs: (chunk: Chunk) => number | null;
  /** Fires when nobody waits for the pass any more. */
  readonly signal: AbortSignal;
  readonly priority: Priority;
}

/** Weights of which some may be given up: `WeightStore`. */
export interface Residents {
  /** Called with the run lock held. */
  keep(residentLayers: number): void;
  readonly residentLayers: number;
  /** Whether memory for a layer was refused since the last `keep`. */
  readonly refused: boolean;
}

/** A pass that went well. */
export interface PassEvent {
  readonly priority: Priority;
  readonly sequences: number;
  readonly tokens: number;
  /** Rows of the rectangles that attention works on, padding included. */
  readonly cells: number;
  /** Waiting for turns apart. */
  readonly ms: number;
}

export interface SchedulerOptions {
  readonly planner: Planner;
  /** @returns Rows `[H]` by sequence of the pass. */
  readonly runPass: (pass: Pass, context: PassContext) => Promise<ReadonlyMap<number, Float32Array>>;
  /** @default all layers stay */
  readonly weights?: Residents;
  /** Resolves when the device takes another run; whose run that is, is decided after. @default at once */
  readonly ready?: () => Promise<void>;
  /** By priority. @default QUEUE_LIMITS */
  readonly limits?: Readonly<Partial<Record<Priority, QueueLimits>>>;
  /** The lock of all runs, to be shared with whoever else runs something on the device. @default one of its own */
  readonly runs?: PriorityMutex;
  /** @default SYSTEM_CLOCK */
  readonly clock?: Clock;
  readonly onPass?: (pass: PassEvent) => void;
  /** Told of each request that succeeded how long it waited. */
  readonly onWait?: (priority: Priority, ms: number) => void;
  /** Nothing waits and nothing runs any more. */
  readonly onIdle?: () => void;
}

export interface SubmitOptions extends JobOptions {
  readonly priority: Priority;
  /** Was let in before and must not be refused now: work of a worker that died. @default false */
  readonly readmitted?: boolean;
}

/** These end the device or the pipeline: what runs and what waits has nothing to run on. */
const FATAL: ReadonlySet<string> = new Set(["device-lost", "worker-crashed", "disposed"]);

/** Serves requests: one pass at a time in each class, so that at most one pass a class holds memory. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #planner: Planner;
  readonly #clock: Clock;
  readonly #runs: PriorityMutex;
  readonly #lanes: ReadonlyMap<Priority, Lane>;
  /** Layers that the weights were last told to keep; `null` when they must be told anew. */
  #kept: number | null;
  /** A pass or a request has ended: memory may be free. */
  readonly #ended = new Bell();
  /** That, or a class stands back: it may be a lower one's turn. */
  readonly #turn = new Bell();

  /** @throws {EmbedError} `invalid-input` for a limit that is not above 0. */
  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#planner = options.planner;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#runs = options.runs ?? new PriorityMutex();
    this.#kept = options.planner.residentLayers;
    this.#lanes = new Map(
      PRIORITIES.map((priority) => {
        const limits = fullLimits(priority, options.limits?.[priority]);
        return [priority, new Lane(priority, limits, this.#clock)];
      }),
    );
  }

  /**
   * Runs sequences through all layers.
   *
   * @param sequences - Token ids, at least one each; none at all resolves at once.
   * @throws {EmbedError} `queue-full` with details `{ queuedTokens, limit, retryAfterMs }`; `aborted` the moment the
   *   signal fires; `out-of-memory` with details `{ neededBytes, budgetBytes, index }`; what a pass throws.
   */
  async submit(sequences: readonly Int32Array[], options: SubmitOptions): Promise<JobResult> {
    throwIfAborted(options.signal);
    if (sequences.length === 0) return { rows: [], queueMs: 0, runMs: 0 };
    const lane = this.#lanes.get(options.priority)!;
    this.#refuseWhatNeverFits(sequences, options);
    if (!options.readmitted) {
      const tokens = sequences.reduce((sum, { length }) => sum + length, 0);
      lane.admit(tokens, this.#planner.tokensPerSecond);
    }
    const onSettled = (settled: Job): void => this.#settled(lane, settled);
    const job = new Job(sequences, options, { now: this.#clock.now(), onSettled });
    lane.add(job);
    if (!lane.served) void this.#serve(lane);
    const result = await job.result;
    this.#options.onWait?.(options.priority, result.queueMs);
    return result;
  }

  /** Before the others have been run for nothing. */
  #refuseWhatNeverFits(sequences: readonly Int32Array[], { chunkTokens }: JobOptions): void {
    let index = 0;
    for (let i = 1; i < sequences.length; i++) if (sequences[i]!.length > sequences[index]!.length) index = i;
    const refusal = this.#planner.refusalOf(sequences[index]!.length, chunkTokens === undefined ? {} : { chunkTokens });
    if (!refusal) return;
    throw new EmbedError(refusal.code, refusal.message, { details: { ...refusal.details, index } });
  }

  /** Requests and tokens that wait or run. */
  get depth(): QueueStatus {
    const depth = (priority: Priority) => this.#lanes.get(priority)!.depth;
    return { interactive: depth("interactive"), normal: depth("normal"), bulk: depth("bulk") };
  }

  /** Rejects all that waits and runs; a run under way is not interrupted. */
  rejectAll(error: EmbedError): void {
    for (const lane of this.#lanes.values()) for (const job of [...lane.jobs]) job.fail(error);
  }

  #settled(lane: Lane, job: Job): void {
    lane.delete(job);
    const { running } = lane;
    if (running && [...running.jobs].every(({ settled }) => settled)) running.controller.abort();
    this.#notify();
  }

  #notify(): void {
    this.#ended.ring();
    this.#turn.ring();
  }

  /** Window after window, until nobody waits. */
  async #serve(lane: Lane): Promise<void> {
    lane.served = true;
    lane.busy = true;
    // What is submitted in the same task shares the first window.
    await Promise.resolve();
    try {
      while (lane.jobs.size > 0) {
        await this.#rateWait(lane);
        let left: readonly JobItem[] = lane.takeWindow(this.#planner.windowTokens);
        while ((left = left.filter(({ job }) => !job.settled)).length > 0) left = await this.#runNext(lane, left);
        // Nobody of the window waits any more, and whoever stood back for it may go on.
        if (lane.waitsForMemory) this.#ended.ring();
        lane.waitsForMemory = false;
      }
    } catch (error) {
      // A broken invariant of our own: nobody may wait for ever because of it.
      for (const job of [...lane.jobs]) job.fail(error);
    } finally {
      lane.served = false;
      lane.busy = false;
      this.#notify();
    }
    if ([...this.#lanes.values()].every(({ jobs, running }) => jobs.size === 0 && !running)) this.#options.onIdle?.();
  }

  async #rateWait(lane: Lane): Promise<void> {
    while (lane.jobs.size > 0 && lane.waitMs > 0) {
      const controller = new AbortController();
      // Ends with the last request that would have to wait.
      const watch = async (): Promise<void> => {
        while (lane.jobs.size > 0 && !controller.signal.aborted) await this.#ended.next;
      };
      await this.#standBack(lane, Promise.race([this.#clock.wait(lane.waitMs, controller.signal), watch()]));
      controller.abort();
    }
  }

  /** Lets lower classes run while this one waits. */
  async #standBack(lane: Lane, waiting: Promise<void>): Promise<void> {
    lane.busy = false;
    this.#turn.ring();
    await waiting;
    lane.busy = true;
  }

  /**
   * Plans what is left of a window for this moment and runs the first pass of it.
   *
   * @returns What is left after it.
   */
  async #runNext(lane: Lane, left: readonly JobItem[]): Promise<readonly JobItem[]> {
    if (this.#higher(lane.priority).some(({ waitsForMemory }) => waitsForMemory)) {
      // What has just been freed is theirs. Not busy meanwhile, or whoever holds the memory would wait for this lane.
      await this.#standBack(lane, this.#ended.next);
      return left;
    }
    const lengths = left.map(({ inputIds }) => inputIds.length);
    const chunkTokens = fewestChunkTokens(left);
    const plan = this.#planner.plan(lengths, lane.priority, { chunkTokens, maxPasses: 1 });
    const { impossible } = plan;
    const [pass] = plan.passes;
    // Until it has been planned anew: what is freed meanwhile is for this lane.
    lane.waitsForMemory = !pass && !impossible;
    if (!pass) {
      if (impossible) failFor(left[impossible.sequence]!, impossible.error);
      // Else passes of other classes hold the memory that it needs.
      else await this.#standBack(lane, this.#ended.next);
      return left;
    }
    const items = new Set(itemsOf(pass, left));
    return (await this.#runPass(lane, pass, left)) ? left.filter((item) => !items.has(item)) : left;
  }

  /** @returns Whether its sequences are done, for better or worse. */
  async #runPass(lane: Lane, pass: Pass, window: readonly JobItem[]): Promise<boolean> {
    const items = itemsOf(pass, window);
    const shares = groupByJob(items);
    const running = { jobs: new Set(shares.keys()), controller: new AbortController() };
    const turn = new PassTurn(this.#clock);
    for (const [job, own] of shares) lane.moveWaiting(job, -tokensOf(own));
    this.#planner.begin(pass, lane.priority);
    lane.running = running;
    try {
      const context = this.#context({ lane, pass, window, running, turn, shares });
      await this.#keepLayers(context);
      const rows = await this.#options.runPass(pass, context);
      this.#finish({ lane, pass, window, turn, shares }, rows);
      return true;
    } catch (error) {
      const again = this.#failed({ pass, window, shares }, error);
      if (again) for (const [job, own] of shares) lane.moveWaiting(job, tokensOf(own));
      return !again;
    } finally {
      lane.running = null;
      this.#notify();
    }
  }

  /** Gives room to the pass before it takes its memory. */
  async #keepLayers(context: PassContext): Promise<void> {
    if (this.#options.weights && this.#kept !== this.#planner.residentLayers) {
      await context.exclusive(() => Promise.resolve());
    }
  }

  #context(what: PassWork & { readonly running: RunningPass }): PassContext {
    const { lane, pass, window, running, turn, shares } = what;
    const { signal } = running.controller;
    let doneTokens = 0;
    return {
      inputIds: (sequence) => window[sequence]!.inputIds,
      exclusive: (run) => turn.waitFor((inTurn) => this.#exclusive(lane.priority, () => inTurn(run), signal)),
      onRun: ({ chunk, ms, rows }) => {
        // The last layer's runs are shorter than those that plans are made of.
        if (rows === "all") this.#planner.observe(chunk, ms);
        doneTokens += chunk.tokenCount;
        const share = Math.min(1, doneTokens / (this.#planner.layers * pass.tokenCount));
        for (const [job, own] of shares) job.progress(own, share);
      },
      expectedMs: (chunk) => this.#planner.expectedMs(chunk),
      signal,
      priority: lane.priority,
    };
  }

  /** A run in its turn: after all runs of higher classes, also those that they have not asked for yet. */
  async #exclusive<T>(priority: Priority, run: () => Promise<T>, signal: AbortSignal): Promise<T> {
    // On WASM a run blocks the thread: only here does a query or a cancellation reach the worker.
    await nextTask();
    do {
      await this.#options.ready?.();
      while (!signal.aborted && this.#higherIsBusy(priority)) await this.#turn.next;
      // The device may have been given a run meanwhile, and a query may have come while it was busy.
      await this.#options.ready?.();
    } while (!signal.aborted && this.#higherIsBusy(priority));
    const inTurn = (): Promise<T> => {
      const { weights } = this.#options;
      const { residentLayers } = this.#planner;
      if (weights && this.#kept !== residentLayers) weights.keep(residentLayers);
      this.#kept = residentLayers;
      return run();
    };
    return this.#runs.run(priority, inTurn, { signal });
  }

  #higherIsBusy(priority: Priority): boolean {
    return this.#higher(priority).some(({ busy }) => busy);
  }

  #higher(priority: Priority): Lane[] {
    return PRIORITIES.slice(0, PRIORITIES.indexOf(priority)).map((other) => this.#lanes.get(other)!);
  }

  #finish({ lane, pass, window, turn, shares }: PassWork, rows: ReadonlyMap<number, Float32Array>): void {
    const now = this.#clock.now();
    const runMs = turn.runMs(now);
    const rowOf = new Map(window.map((item, sequence) => [item, rows.get(sequence)]));
    for (const item of [...shares.values()].flat()) assert(rowOf.get(item), "a pass returned no row for a sequence");
    this.#planner.end(pass, runMs);
    this.#noticeRefusal();
    const sequences = [...shares.values()].flat().length;
    this.#options.onPass?.({
      priority: lane.priority,
      sequences,
      tokens: pass.tokenCount,
      cells: cellsOf(pass),
      ms: runMs,
    });
    for (const [job, own] of shares) {
      job.finish(
        own,
        own.map((item) => rowOf.get(item)!),
        { runMs, now },
      );
    }
  }

  /** @returns Whether the pass's sequences are to be planned again. */
  #failed({ pass, window, shares }: Pick<PassWork, "pass" | "window" | "shares">, error: unknown): boolean {
    const code = error instanceof EmbedError ? error.code : null;
    const again =
      code === "out-of-memory" && this.#planner.outOfMemory(pass, { chunkTokens: fewestChunkTokens(window) });
    this.#planner.end(pass, null);
    this.#noticeRefusal();
    if (again) return true;
    if (error instanceof EmbedError && FATAL.has(error.code)) this.rejectAll(error);
    for (const job of shares.keys()) job.fail(error);
    return false;
  }

  #noticeRefusal(): void {
    if (!this.#options.weights?.refused) return;
    this.#planner.layerRefused(this.#options.weights.residentLayers);
    this.#kept = null;
  }
}
