/** @file A map from the worker that lays it out. */
import type { MapLayout, MapMessage, MapVectors } from "./map-types.ts";

interface LayoutHooks {
  /** From 0 to 1. */
  readonly onProgress?: (share: number) => void;
  /** Ends the worker at once. */
  readonly signal?: AbortSignal;
}

/**
 * Lays vectors out in a worker of its own, which ends with the map.
 *
 * @param vectors - Their memory goes to the worker.
 * @throws {Error} When the worker could not be started or has failed; the signal's reason when it was aborted.
 */
export async function requestLayout(vectors: MapVectors, hooks: LayoutHooks = {}): Promise<MapLayout> {
  const { onProgress, signal } = hooks;
  signal?.throwIfAborted();
  const worker = new Worker(new URL("./map.worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise<MapLayout>((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      worker.addEventListener("error", ({ message }) =>
        reject(new Error(message || "the map's worker could not start")),
      );
      worker.addEventListener("message", ({ data }: MessageEvent<MapMessage>) => {
        if (data.kind === "progress") onProgress?.(data.share);
        else if (data.kind === "done") resolve(data.layout);
        else reject(new Error(data.message));
      });
      worker.postMessage(vectors, [vectors.data.buffer]);
    });
  } finally {
    worker.terminate();
  }
}
