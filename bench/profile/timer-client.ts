/** @file The page's side of `worker-timer.ts`. */
import type { DispatchRecord } from "./dispatch-timer.ts";

/** What the page may ask. */
export interface TimerQuestion {
  readonly kind: "timer-start" | "timer-stop";
}

/** With the question's kind. `records` is `null` where the worker's device cannot tell. */
export interface TimerAnswer extends TimerQuestion {
  readonly records: readonly DispatchRecord[] | null;
  readonly failure: string | null;
}

/** @returns Whether the worker's device can time its dispatches. */
export async function startTimer(worker: Worker): Promise<boolean> {
  return (await ask(worker, "timer-start")) !== null;
}

/**
 * @returns What was dispatched since the start; `null` where the device cannot tell.
 * @throws {Error} When the device failed meanwhile.
 */
export function stopTimer(worker: Worker): Promise<readonly DispatchRecord[] | null> {
  return ask(worker, "timer-stop");
}

/** One question at a time. */
function ask(worker: Worker, kind: TimerQuestion["kind"]): Promise<readonly DispatchRecord[] | null> {
  return new Promise((resolve, reject) => {
    const receive = ({ data }: MessageEvent<Partial<TimerAnswer>>): void => {
      if (data.kind !== kind) return;
      worker.removeEventListener("message", receive);
      const { records, failure } = data as TimerAnswer;
      if (failure === null) resolve(records);
      else reject(new Error(failure));
    };
    worker.addEventListener("message", receive);
    worker.postMessage({ kind } satisfies TimerQuestion);
  });
}
