/** @file What the model panel knows: written by the controller, read by the views. */
import type {
  DeviceFacts,
  DownloadProgress,
  MeasuredSpeed,
  ModelSource,
  PackOffer,
  StorageEstimate,
  StoredPack,
} from "../src/index.ts";
import type { Failure } from "./state.ts";

/** What a link to the panel goes to. */
export const PANEL_ID = "models";

/** Texts that people embed: a passage, an article, a chapter, as much as the model takes. */
export const CONTEXTS = [512, 2048, 8192, 32_768] as const;

/** `looking`: its manifest is being read. `offered`: it is for the visitor to say. `stored`: it can be used. */
export type ArrivalStage = "looking" | "offered" | "downloading" | "paused" | "failed" | "stored";

/** The one model that is on its way into the storage. */
export interface Arrival {
  readonly source: ModelSource;
  /** What the visitor called it, then what its manifest says. */
  readonly name: string;
  readonly stage: ArrivalStage;
  /** `null` until the manifest was read; and when an earlier download goes on. */
  readonly offer: PackOffer | null;
  /** `StoredPack.id`; `null` until it is known. */
  readonly packId: string | null;
  readonly progress: DownloadProgress | null;
  readonly failure: Failure | null;
  /** Of a failure for want of room. */
  readonly room: { readonly neededBytes: number; readonly freeBytes: number } | null;
  /** Whether it failed since the server wants to know who asks. */
  readonly denied: boolean;
}

/** What is being done with a stored pack, or was. */
export type PackTask =
  | { readonly kind: "verifying"; readonly progress: DownloadProgress | null }
  | { readonly kind: "verified"; readonly checkedBytes: number; readonly damaged: readonly string[] }
  | { readonly kind: "removing" }
  | { readonly kind: "failed"; readonly failure: Failure };

export interface ModelsState {
  /** `null` until the browser was asked. */
  readonly device: DeviceFacts | null;
  readonly storage: StorageEstimate | null;
  /** Why nothing can be stored here; `null` while it can. */
  readonly storageMissing: string | null;
  /** `null` until it was listed. */
  readonly stored: readonly StoredPack[] | null;
  /** Tokens of the longest text to plan for. */
  readonly contextTokens: number;
  /** By what the page has run so far. */
  readonly measured: MeasuredSpeed | null;
  readonly arrival: Arrival | null;
  /** By `StoredPack.id`. */
  readonly tasks: Readonly<Record<string, PackTask>>;
}

/** Before anything was asked. */
export const INITIAL_MODELS: ModelsState = {
  device: null,
  storage: null,
  storageMissing: null,
  stored: null,
  contextTokens: CONTEXTS[1],
  measured: null,
  arrival: null,
  tasks: {},
};

/** Bytes that cancelling the arrival would throw away. */
export function lostBytes({ arrival, stored }: Pick<ModelsState, "arrival" | "stored">): number {
  if (!arrival) return 0;
  const before = stored?.find(({ id }) => id === arrival.packId)?.storedBytes ?? 0;
  const { progress } = arrival;
  const arrived = progress?.phase === "verify" ? progress.totalBytes : (progress?.loadedBytes ?? 0);
  return Math.max(before, arrived);
}
