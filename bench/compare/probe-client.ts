/** @file The page's side of `gpu-probe.ts`. */
import type { Dispatches, GpuUsage } from "./contender.ts";
import type { GpuAnswer, GpuQuestion } from "./gpu-probe.ts";

/** What the worker counted since it was last asked; counting starts again. */
export function takeUsage(worker: Worker): Promise<GpuUsage> {
  return ask(worker, { kind: "gpu-usage", id: nextId() });
}

/** Whether dispatches reach the worker's GPUs from now on. */
export async function setDispatches(worker: Worker, dispatches: Dispatches): Promise<void> {
  await ask(worker, { kind: "gpu-dispatches", id: nextId(), dispatches });
}

/** Two questions of one kind may be under way. */
function nextId(): number {
  return Math.random();
}

function ask(worker: Worker, question: GpuQuestion): Promise<GpuUsage> {
  return new Promise((resolve) => {
    const receive = ({ data }: MessageEvent<Partial<GpuAnswer>>): void => {
      if (data.kind !== question.kind || data.id !== question.id) return;
      worker.removeEventListener("message", receive);
      resolve((data as GpuAnswer).usage);
    };
    worker.addEventListener("message", receive);
    worker.postMessage(question);
  });
}
