/** @file The worker that lays the map out: one map, then it is done. */
import { layOut } from "./layout.ts";
import type { MapMessage, MapVectors } from "./map-types.ts";

const tell = (message: MapMessage, transfer: Transferable[] = []): void => postMessage(message, { transfer });

addEventListener("message", ({ data }: MessageEvent<MapVectors>) => {
  try {
    const layout = layOut(data, (share) => tell({ kind: "progress", share }));
    tell({ kind: "done", layout }, [layout.positions.buffer]);
  } catch (error) {
    tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
});
