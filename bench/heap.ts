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

/** Time between two looks. */
const SAMPLE_MS = 10;

/**
 * Samples the heap of the page's first worker until stopped.
 *
 * @returns Stops the sampling and gives the peaks.
 */
export async function watchWorkerHeap(page: Page): Promise<() => HeapPeak> {
  const session = await page.context().newCDPSession(page);
  const peak: HeapPeak = { usedBytes: 0, withBuffersBytes: 0 };
  let worker = "";
  let id = 0;
  session.on("Target.attachedToTarget", ({ sessionId }) => (worker ||= sessionId));
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { result } = JSON.parse(message) as { result?: HeapUsage };
    if (!result?.usedSize) return;
    peak.usedBytes = Math.max(peak.usedBytes, result.usedSize);
    peak.withBuffersBytes = Math.max(peak.withBuffersBytes, result.usedSize + result.backingStorageSize);
  });
  await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  const timer = setInterval(() => {
    if (!worker) return;
    const message = JSON.stringify({ id: ++id, method: "Runtime.getHeapUsage" });
    // The worker may be gone by now; the next look tells.
    session.send("Target.sendMessageToTarget", { sessionId: worker, message }).catch(() => undefined);
  }, SAMPLE_MS);
  return () => {
    clearInterval(timer);
    return peak;
  };
}
