/** @file The JS heap of a page's worker, by the browser's own figures (Chrome DevTools Protocol). */
import type { Page } from "@playwright/test";

/** Largest values seen, in bytes. */
export interface HeapPeak {
  /** Objects (`usedSize` of `Runtime.getHeapUsage`). */
  usedBytes: number;
  /** Objects and ArrayBuffers at one moment. */
  withBuffersBytes: number;
}

interface HeapUsage {
  readonly usedSize: number;
  readonly backingStorageSize: number;
}

/** Every worker but those that the demo may start before the one that runs the model. */
const MODEL_WORKER = /^(?!.*(store|search|import|map)[.]worker)/;

/** Time between two looks. */
const SAMPLE_MS = 10;

/** Garbage that only a second collection finds: what finalizers of the first one let go. */
const COLLECTIONS = 3;

/**
 * Samples the heap of the page's first worker that runs a model until stopped.
 *
 * @returns Stops the sampling and gives the peaks.
 */
export async function watchWorkerHeap(page: Page): Promise<() => HeapPeak> {
  const { take, stop } = await sampleWorkerHeap(page, SAMPLE_MS);
  return () => {
    stop();
    return take();
  };
}

/** A watch that goes on. */
export interface HeapWatch {
  /** Peaks since this was last asked; zeros when nothing was seen. */
  readonly take: () => HeapPeak;
  readonly stop: () => void;
}

/** Samples the heap of the page's first worker that runs a model every so often. */
export async function sampleWorkerHeap(page: Page, everyMs: number): Promise<HeapWatch> {
  const call = await attachToWorker(page);
  let peak: HeapPeak = { usedBytes: 0, withBuffersBytes: 0 };
  const look = async (): Promise<void> => {
    const { usedSize, backingStorageSize } = await call<HeapUsage>("Runtime.getHeapUsage");
    peak.usedBytes = Math.max(peak.usedBytes, usedSize);
    peak.withBuffersBytes = Math.max(peak.withBuffersBytes, usedSize + backingStorageSize);
  };
  // The worker may be gone by now; the next look tells.
  const timer = setInterval(() => void look().catch(() => undefined), everyMs);
  return {
    take: () => {
      const taken = peak;
      peak = { usedBytes: 0, withBuffersBytes: 0 };
      return taken;
    },
    stop: () => clearInterval(timer),
  };
}

/**
 * To be called before the page starts its worker.
 *
 * @param which - Of its URL. @default the first that runs a model
 * @returns Collects the worker's garbage and tells what is left, at each call.
 */
export async function measureWorkerHeap(page: Page, which?: RegExp): Promise<() => Promise<HeapPeak>> {
  const call = await attachToWorker(page, which);
  return async () => {
    for (let i = 0; i < COLLECTIONS; i++) await call("HeapProfiler.collectGarbage");
    const { usedSize, backingStorageSize } = await call<HeapUsage>("Runtime.getHeapUsage");
    return { usedBytes: usedSize, withBuffersBytes: usedSize + backingStorageSize };
  };
}

/** @returns Calls a method of the protocol in the page's first worker of that kind; rejects while there is none. */
async function attachToWorker(page: Page, which: RegExp = MODEL_WORKER): Promise<<T>(method: string) => Promise<T>> {
  const session = await page.context().newCDPSession(page);
  let worker = "";
  let id = 0;
  const waiting = new Map<number, (result: unknown) => void>();
  session.on("Target.attachedToTarget", ({ sessionId, targetInfo }) => {
    if (targetInfo.type === "worker" && which.test(targetInfo.url)) worker ||= sessionId;
  });
  // One that is on its way out may still be attached to.
  session.on("Target.detachedFromTarget", ({ sessionId }) => {
    if (worker === sessionId) worker = "";
  });
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id: answered, result } = JSON.parse(message) as { id?: number; result?: unknown };
    waiting.get(answered ?? NaN)?.(result);
    waiting.delete(answered ?? NaN);
  });
  await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  return async <T>(method: string) => {
    const number = ++id;
    const answer = new Promise<unknown>((resolve) => waiting.set(number, resolve));
    await session.send("Target.sendMessageToTarget", {
      sessionId: worker,
      message: JSON.stringify({ id: number, method }),
    });
    return (await answer) as T;
  };
}
