/**
 * @file Looks at a worker from inside: its WebAssembly memories, and what ONNX Runtime is given to run. To be imported
 * before what makes them.
 */
import { wasmBytes } from "./wasm-memory.ts";
import { PriorityMutex } from "../../src/batch/queue.ts";
import { LayerSession } from "../../src/gpu/session.ts";
import type { Priority } from "../../src/types.ts";

/** One chunk through one layer. Times count from 1970, so that page and worker agree. */
export interface LoggedRun {
  /** Of the packed hidden states, padding included if there were any. */
  readonly rows: number;
  /** Sequences times the longest: what attention works on. */
  readonly cells: number;
  readonly priority: Priority;
  readonly startMs: number;
  /** When the device was done; 0 until then. */
  endMs: number;
}

/** What the page may ask. Answers have the same kind. */
export type ProbeQuestion =
  | { readonly kind: "probe-wasm-bytes" }
  /** Starts a log of runs, or ends it. */
  | { readonly kind: "probe-runs"; readonly log: "start" | "end" };

/** What it is told: bytes of all memories, which never shrink, or the log that ended. */
export type ProbeAnswer =
  | { readonly kind: "probe-wasm-bytes"; readonly bytes: number }
  | { readonly kind: "probe-runs"; readonly runs: readonly LoggedRun[] };

/** `null` while nobody asked for it: a log that is not wanted must not fill the heap that is measured. */
let log: LoggedRun[] | null = null;

/** Whose turn it is: each run has the lock of all runs, which knows. */
let turn: Priority = "normal";

const takeTurn = PriorityMutex.prototype.run;
PriorityMutex.prototype.run = function (priority, task, options) {
  const inTurn = (): ReturnType<typeof task> => {
    turn = priority;
    return task();
  };
  return takeTurn.call(this, priority, inTurn, options) as ReturnType<typeof task>;
};

const run = LayerSession.prototype.run;
LayerSession.prototype.run = async function (graph, feeds, fetches) {
  const [sequences = 0, longest = 0] = feeds.pad_index!.dims;
  const logged: LoggedRun = {
    rows: feeds.hidden!.dims[0]!,
    cells: sequences * longest,
    priority: turn,
    startMs: now(),
    endMs: 0,
  };
  log?.push(logged);
  const result = await run.call(this, graph, feeds, fetches);
  const end = (): void => {
    logged.endMs = now();
  };
  if (result.settled) void result.settled.then(end);
  else end();
  return result;
};

addEventListener("message", (event: MessageEvent<Partial<ProbeQuestion>>) => {
  const { data } = event;
  if (data.kind !== "probe-wasm-bytes" && data.kind !== "probe-runs") return;
  event.stopImmediatePropagation();
  answer(data as ProbeQuestion);
});

function answer(question: ProbeQuestion): void {
  const post = (message: ProbeAnswer): void => postMessage(message);
  if (question.kind === "probe-wasm-bytes") {
    post({ kind: question.kind, bytes: wasmBytes() });
    return;
  }
  post({ kind: question.kind, runs: log ?? [] });
  log = question.log === "start" ? [] : null;
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
