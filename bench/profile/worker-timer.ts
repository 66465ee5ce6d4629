/** @file The dispatch timer inside a worker, on whatever device opens there. To be imported before what opens one. */
import { timeDispatches, type DispatchTimer } from "./dispatch-timer.ts";
import type { TimerAnswer, TimerQuestion } from "./timer-client.ts";

/** Of the last device; none where `timestamp-query` is missing. */
let timer: DispatchTimer | null = null;

if ("GPUAdapter" in globalThis) {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
    const device = await requestDevice.call(this, descriptor);
    timer = device.features.has("timestamp-query") ? timeDispatches(device) : null;
    return device;
  };
}

addEventListener("message", (event: MessageEvent<Partial<TimerQuestion>>) => {
  const { kind } = event.data;
  if (kind !== "timer-start" && kind !== "timer-stop") return;
  event.stopImmediatePropagation();
  void answer(kind).then((said) => postMessage(said));
});

async function answer(kind: TimerQuestion["kind"]): Promise<TimerAnswer> {
  if (!timer) return { kind, records: null, failure: null };
  try {
    if (kind === "timer-stop") return { kind, records: await timer.stop(), failure: null };
    timer.start();
    return { kind, records: [], failure: null };
  } catch (error) {
    return { kind, records: null, failure: String(error) };
  }
}
