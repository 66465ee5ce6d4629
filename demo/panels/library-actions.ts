/** @file What a visitor can do with the library. Types only. */
import type { Collected } from "../import/collect.ts";
import type { PassageChoice } from "./passage-choice.ts";

export interface LibraryActions {
  /** Sources to be read, and what could not even be listed. */
  onCollected(collected: Collected): void;
  onOpenDocument(id: string): void;
  onRemove(ids: readonly string[]): void;
  onAddSample(id: string): void;
  /** `null` where it failed. */
  onExport(): Promise<Blob | null>;
  /** A file that `onExport` made. */
  onImport(file: Blob): void;
  /** While the library is empty. */
  onPassages(passages: PassageChoice): void;
}
