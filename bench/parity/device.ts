/** @file What a cell of the parity table runs on: Chromium and Node behind one interface. */
import type { Activations } from "../../src/pack.ts";
import type { AdapterFacts, EmbedderStatus } from "../../src/types.ts";
import type { ParityPack } from "./packs.ts";

/** A pack, and how it is to be run. */
export interface CellOrder {
  readonly pack: ParityPack;
  readonly activations: Activations;
  readonly device: "webgpu" | "wasm";
}

/** As it was opened. */
export interface DeviceFacts {
  readonly host: string;
  readonly adapter: AdapterFacts | null;
  readonly execution: string;
  /** Of the self-check at load. */
  readonly tolerance: number;
}

export interface ParityDevice {
  readonly facts: DeviceFacts;
  /**
   * @param batch - Token ids, end token included; one request.
   * @param chunkTokens - Most tokens a run. @default the library's
   * @returns Unit vectors, `[H]` each.
   */
  embed(batch: readonly Int32Array[], chunkTokens?: number): Promise<Float32Array[]>;
}

/** The cell cannot be run here; the message says why. */
export class CannotRun extends Error {
  override readonly name = "CannotRun";
}

/**
 * Which execution was taken, and whether it is the one that was asked for.
 *
 * @throws {CannotRun} When it is another one.
 */
export function deviceFacts(host: string, { device, selfChecks }: EmbedderStatus, order: CellOrder): DeviceFacts {
  if (device.kind !== order.device || device.activations !== order.activations) {
    throw new CannotRun(`${host} ran ${device.kind} ${device.activations} instead: ${device.reason}`);
  }
  const { kind, activations, build, subgroups, adapter } = device;
  const check = selfChecks.at(-1)!;
  return {
    host,
    adapter: kind === "webgpu" ? adapter : null,
    execution: `${kind} ${activations} ${build}${subgroups ? ", subgroups" : ""}`,
    tolerance: check.tolerance,
  };
}
