/** @file What crosses between page and store worker. Types only; every value survives a structured clone. */
import type {
  DownloadProgress,
  ModelSource,
  PackOffer,
  StorageEstimate,
  StoredPack,
  VerifyResult,
} from "../delivery.ts";
import type { CallProgress } from "./protocol.ts";

/** Raised with every change to this file: a page must not talk to the worker of another build left in a cache. */
export type StoreProtocolVersion = 1;

/** `PackStore` over comlink. `callId` is unique on the page and names the call in `cancel` and in events. */
export interface StoreService {
  ready(): StoreProtocolVersion;
  /**
   * Once, before any call.
   *
   * @param fetchPort - What the worker's requests go through, see `fetch-bridge.ts`; `null`: they are its own.
   */
  open(fetchPort: MessagePort | null): void;
  list(callId: number): Promise<StoredPack[]>;
  estimate(callId: number): Promise<StorageEstimate>;
  inspect(callId: number, source: ModelSource): Promise<PackOffer>;
  download(callId: number, source: ModelSource): Promise<StoredPack>;
  verify(callId: number, id: string): Promise<VerifyResult>;
  remove(callId: number, id: string): Promise<void>;
  evict(callId: number, freeBytes: number): Promise<StoredPack[]>;
  /** Nothing happens when the call has settled. */
  cancel(callId: number): void;
}

/** Worker → page, on the port of the answers, so that a call's last progress arrives before its result. */
export type StoreEvent = CallProgress<DownloadProgress>;
