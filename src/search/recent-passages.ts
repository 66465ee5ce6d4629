/** @file Passages that were read lately: who types sees the same ones again and again. */
import type { PassageRecord, Records } from "./store/records.ts";

/** Those of many keystrokes, in half a megabyte. */
const KEPT = 512;

/** Reads passages once. Ids are never given twice, so what is kept is never out of date. */
export class RecentPassages {
  readonly #records: Records;
  /** The longest unused first. */
  readonly #kept = new Map<number, PassageRecord>();

  constructor(records: Records) {
    this.#records = records;
  }

  /** By id; those that are gone are left out. */
  async read(ids: readonly number[]): Promise<Map<number, PassageRecord>> {
    const found = new Map<number, PassageRecord>();
    const missing: number[] = [];
    for (const id of ids) {
      const passage = this.#kept.get(id);
      if (passage) found.set(id, passage);
      else missing.push(id);
    }
    const read = missing.length > 0 ? await this.#records.readPassages(missing) : [];
    for (const passage of read) found.set(passage.id, passage);
    for (const passage of found.values()) this.#keep(passage);
    return found;
  }

  #keep(passage: PassageRecord): void {
    this.#kept.delete(passage.id);
    this.#kept.set(passage.id, passage);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}
