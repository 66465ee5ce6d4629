/** @file Strata under Node: the whole pipeline, self-check included, on a Dawn device; token ids in, unit vectors out. */
import { NO_GAUGE, type Gauge } from "../../src/gpu/gauge.ts";
import { openPipeline } from "../../src/open-pipeline.ts";
import type { Activations, PackManifest } from "../../src/pack.ts";
import type { EmbedderStatus } from "../../src/types.ts";
import { openDawn, requireAdapter } from "./dawn.ts";
import { diskPack } from "./disk-pack.ts";

export interface NodeEmbedderOptions {
  /** Folder of a pack. */
  readonly packDir: string;
  /** Used instead of the folder's, over the same files. @default the folder's */
  readonly manifest?: PackManifest;
  /** f16 only where the adapter has `shader-f16`: see `status.device.activations`. @default "f32" */
  readonly activations?: Activations;
  /** `webgpu` never falls back to another. @default "webgpu" */
  readonly device?: "webgpu" | "wasm";
  /** Most tokens in one run. @default the library's */
  readonly chunkTokens?: number;
  /** Most GPU memory to use, in bytes. @default the library's, from the adapter */
  readonly vramBudgetBytes?: number;
}

export interface NodeEmbedder {
  /** As of now: device, self-checks, memory. */
  readonly status: EmbedderStatus;
  /** Bytes on the GPU, counted apart from the library: its peak can be reset. */
  readonly gauge: Gauge;
  /**
   * @param batch - Token ids, the end token last.
   * @param options - `chunkTokens`: most tokens in one run, if fewer than the plan's.
   * @returns Unit vectors of all dimensions, in the order of the batch.
   * @throws {EmbedError} `numeric-fault` for a row without a finite direction: none is run again in f32 here.
   */
  embedIds(batch: readonly Int32Array[], options?: { readonly chunkTokens?: number }): Promise<Float32Array[]>;
  /** Frees the device. */
  close(): void;
}

/**
 * Opens a pack as the worker in a browser does, on the GPU that Dawn finds.
 *
 * @throws {NoWebGpu} When there is no adapter. {EmbedError} What `openPipeline` throws; `numeric-fault` when the device
 *   fails its self-check: no other execution is tried in this process.
 */
export async function openNodeEmbedder(options: NodeEmbedderOptions): Promise<NodeEmbedder> {
  const { packDir, manifest, activations = "f32", device = "webgpu", chunkTokens, vramBudgetBytes } = options;
  const dawn = await openDawn();
  if (device === "webgpu") await requireAdapter(dawn);
  const pipeline = await openPipeline(
    {
      model: { folder: await diskPack(packDir, manifest) },
      storage: "none",
      device,
      activations,
      ...(chunkTokens !== undefined && { chunkTokens }),
      ...(vramBudgetBytes !== undefined && { vramBudgetBytes }),
    },
    {},
  );
  const gauge = device === "webgpu" ? dawn.gauge : NO_GAUGE;
  return {
    gauge,
    get status() {
      return pipeline.status;
    },
    embedIds: (batch, call = {}) => pipeline.embedIds(batch, call),
    close: () => pipeline.dispose(),
  };
}
