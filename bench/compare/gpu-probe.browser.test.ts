import { afterEach, describe, expect, it } from "vitest";
import { setDispatches, takeUsage } from "./probe-client.ts";

// As in fixtures/probed-gpu.worker.ts, which a page must not import.
const WORKED = { keptBytes: 1024, freedBytes: 4096, readBytes: 256 };

let worker: Worker;

async function work(): Promise<unknown> {
  worker ??= new Worker(new URL("./fixtures/probed-gpu.worker.ts", import.meta.url), { type: "module" });
  return new Promise((resolve) => {
    const receive = ({ data }: MessageEvent<unknown>): void => {
      if (typeof data === "object" && data !== null) return;
      worker.removeEventListener("message", receive);
      resolve(data);
    };
    worker.addEventListener("message", receive);
    worker.postMessage("work");
  });
}

afterEach(() => worker.terminate());

describe("the GPU probe", () => {
  it("counts buffers, readback, dispatches and submits, and can leave dispatches out", async () => {
    expect(await work()).toBe(7);
    const { keptBytes, freedBytes, readBytes } = WORKED;
    const first = await takeUsage(worker);
    expect(first).toMatchObject({
      liveBytes: keptBytes + readBytes,
      // The freed one was gone before the last one came.
      peakBytes: keptBytes + freedBytes,
      readBackBytes: readBytes,
      dispatches: 1,
      submits: 1,
    });
    const rest = await takeUsage(worker);
    expect(rest).toMatchObject({ peakBytes: first.liveBytes, readBackBytes: 0, dispatches: 0, submits: 0 });

    await setDispatches(worker, "left-out");
    expect(await work()).toBe(0);
    // A second device beside the first.
    expect(await takeUsage(worker)).toMatchObject({ liveBytes: 2 * first.liveBytes, dispatches: 1, submits: 1 });
  });
});
