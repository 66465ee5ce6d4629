/** @file A contender in the visitor's own page, with the face of `npm run bench`'s sessions: nothing rejects but Stop. */
import { embedWithQueries } from "../compare/bulk-call.ts";
import type { Contender, ContenderModel, ContenderName, EmbedCall, OpenOutcome } from "../compare/contender.ts";
import type { DriverSample } from "../compare/driver.ts";
import type { Outcome, Session } from "../compare/session.ts";

/** Neither contender's code is fetched before it is wanted. */
export async function makeContender(name: ContenderName): Promise<Contender> {
  if (name === "strata") return (await import("../compare/strata.ts")).strataContender();
  return (await import("../compare/transformers.ts")).transformersContender();
}

/** Rejects with the signal's reason as soon as it is aborted, whatever becomes of the call. */
export async function orAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort);
  });
  try {
    return await Promise.race([call, aborted]);
  } finally {
    if (abort) signal.removeEventListener("abort", abort);
  }
}

/** In one line. */
export function reasonOf(error: unknown): string {
  return String(error).split("\n")[0]!;
}

/**
 * A session of one contender, opened at its first call, and again at the call after a failure.
 *
 * @param task - When it ends, so does the contender's worker.
 */
export async function withPageSession<T>(
  { name, model, signal, onFailure }: PageSessionPlace,
  task: (session: Pick<Session, "name"> & Session & { readonly openedAs: () => OpenOutcome | null }) => Promise<T>,
): Promise<T> {
  let contender: Contender | undefined;
  let opened: OpenOutcome | null = null;
  const open = async (): Promise<Contender> => {
    if (contender) return contender;
    contender = await makeContender(name);
    opened = await orAborted(contender.open(model), signal);
    return contender;
  };
  const settle = async <R>(call: (open: Contender) => Promise<R>): Promise<Outcome<R>> => {
    try {
      return { sample: await orAborted(open().then(call), signal), failure: null };
    } catch (error) {
      contender?.close();
      contender = undefined;
      signal.throwIfAborted();
      onFailure(name, error);
      return { failure: reasonOf(error) };
    }
  };
  try {
    return await task({
      name,
      get opened(): OpenOutcome {
        if (!opened) throw new Error(`${name} is not open`);
        return opened;
      },
      openedAs: () => opened,
      embed: (calls) => settle((open) => watched(open, () => embedAll(open, calls))),
      embedWithQueries: (call) => settle((open) => watched(open, () => embedWithQueries(open, call))),
      rehearse: () => Promise.resolve({ failure: "not on this page" }),
      // A page cannot see a worker's heap.
      takeHeap: () => null,
    });
  } finally {
    contender?.close();
  }
}

export interface PageSessionPlace {
  readonly name: ContenderName;
  readonly model: ContenderModel;
  readonly signal: AbortSignal;
  readonly onFailure: (name: ContenderName, error: unknown) => void;
}

async function watched<T>(
  contender: Contender,
  task: () => Promise<T>,
): Promise<T & Pick<DriverSample, "idleBytes" | "usage">> {
  const { liveBytes: idleBytes } = await contender.usage();
  const outcome = await task();
  return { ...outcome, idleBytes, usage: await contender.usage() };
}

async function embedAll(
  contender: Contender,
  calls: readonly EmbedCall[],
): Promise<Pick<DriverSample, "vectors" | "callMs" | "totalMs">> {
  const vectors: number[] = [];
  const callMs: number[] = [];
  for (const call of calls) {
    const outcome = await contender.embed(call);
    for (const value of outcome.vectors) vectors.push(value);
    callMs.push(outcome.totalMs);
  }
  return { vectors, callMs, totalMs: callMs.reduce((sum, ms) => sum + ms, 0) };
}
