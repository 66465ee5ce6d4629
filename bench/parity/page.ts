/** @file The page of the parity table: an embedder as a library user has it, token ids in, all vectors out. */
import { createEmbedder, type Embedder } from "../../src/embedder.ts";
import { adapterFacts, findAdapter } from "../../src/gpu/device.ts";
import type { AdapterFacts, EmbedderStatus, LoadRequest } from "../../src/types.ts";

export type ParityChoice = Pick<LoadRequest, "device" | "activations" | "chunkTokens">;

/** What the table calls from outside. */
export interface ParityPage {
  /** Of this browser; `null` where it offers none. */
  adapter(): Promise<AdapterFacts | null>;
  /** Instead of what was open before. @param model - URL of the pack, relative to the server. */
  open(model: string, choice: ParityChoice): Promise<EmbedderStatus>;
  /** In one request. @param texts - Token ids, end token included. @returns `[texts][H]` */
  embed(texts: readonly (readonly number[])[]): Promise<number[][]>;
}

declare global {
  var parity: ParityPage;
}

/** A run of minutes is no fault here: software GPUs are slow and machines are loaded. */
const WATCHDOG = { pingMs: 60_000, runMs: 900_000 };

let embedder: Embedder | null = null;

globalThis.parity = {
  async adapter() {
    const { adapter } = await findAdapter(navigator.gpu);
    return adapter && adapterFacts(adapter);
  },
  async open(model, choice) {
    embedder?.[Symbol.dispose]();
    const url = new URL(model, location.href).href;
    // Time must not slice what the table calls whole: only `chunkTokens` says how long a run is.
    const limits = { maxRunMs: Infinity, watchdog: WATCHDOG };
    embedder = await createEmbedder({ model: url, storage: "none", ...choice, ...limits });
    return embedder.status;
  },
  async embed(texts) {
    const { data, rows, dimensions } = await embedder!.embed(texts);
    return Array.from({ length: rows }, (_, i) => [...data.subarray(i * dimensions, (i + 1) * dimensions)]);
  },
};
