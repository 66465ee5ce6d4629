/** @file Where files lie until a pack is whole, and which ones of an earlier run can stay. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PackFile } from "../../src/pack.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** Beside the files it speaks of: which inputs and options they were made from. */
export const JOURNAL = ".pack-journal.json";

/** What is put together in a folder. */
export interface StagedFormat {
  /** The file without which the others are nothing: it goes first and comes last. */
  readonly last: string;
  /** Files that only this format has; those of another run go when this one moves in. */
  readonly owned: RegExp;
  readonly journal: string;
  /** Folder, inside the one that is filled, of what is not whole yet. */
  readonly partial: string;
}

const PACK: StagedFormat = {
  last: "manifest.json",
  owned: /^(layer-\d+|embedding-\d+|final)\.bin$|^tokenizer(_config)?\.json$/,
  journal: JOURNAL,
  partial: ".partial",
};

interface Journal {
  readonly key: string;
  readonly files: readonly PackFile[];
}

/**
 * Finished files of a pack (or an export) in the making. They lie in a folder inside the pack's, and move over at
 * `commit`: until then the pack that was there stays as it was. A journal lets the next run keep what this one finished.
 */
export class Staging {
  readonly #out: string;
  readonly #folder: string;
  readonly #key: string;
  readonly #format: StagedFormat;
  /** In the pack's folder already, and right. */
  readonly #inPlace = new Map<string, PackFile>();
  readonly #staged = new Map<string, PackFile>();

  /** @param key - Hash of everything that the bytes depend on. */
  constructor(out: string, key: string, format: StagedFormat = PACK) {
    this.#out = out;
    this.#folder = join(out, format.partial);
    this.#key = key;
    this.#format = format;
  }

  /** Looks at earlier runs' files and hashes them. */
  async open(pool: WorkerPool): Promise<void> {
    const [inPlace, staged] = [await this.#fitting(this.#out, pool), await this.#fitting(this.#folder, pool)];
    for (const file of inPlace) this.#inPlace.set(file.name, file);
    for (const file of staged) this.#staged.set(file.name, file);
  }

  /** A finished file of this pack, from this run or an earlier one. */
  finished(name: string): PackFile | undefined {
    return this.#staged.get(name) ?? this.#inPlace.get(name);
  }

  /** Whether the pack in place is whole and made from the same inputs. */
  isComplete(names: readonly string[]): boolean {
    return [...names, this.#format.last].every((name) => this.#inPlace.has(name));
  }

  /** Where a finished file lies now. */
  path(name: string): string {
    return join(this.#staged.has(name) ? this.#folder : this.#out, name);
  }

  /** Has `write` fill a temporary file, then takes it in under its name. */
  async add(name: string, pool: WorkerPool, write: (path: string) => Promise<void> | void): Promise<PackFile> {
    mkdirSync(this.#folder, { recursive: true });
    const temporary = join(this.#folder, `${name}.tmp`);
    try {
      await write(temporary);
      const file = { name, ...(await pool.run({ kind: "hash", path: temporary })) };
      renameSync(temporary, join(this.#folder, name));
      this.#staged.set(name, file);
      this.#writeJournal(this.#folder, this.#staged);
      return file;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  /** Moves everything into place, the manifest last, and drops files of what was there before. */
  commit(names: readonly string[]): void {
    // Without its manifest a folder is no pack: nobody reads a mixture while files move.
    rmSync(join(this.#out, this.#format.last), { force: true });
    for (const name of readdirSync(this.#out)) {
      if (this.#format.owned.test(name) && !names.includes(name)) rmSync(join(this.#out, name));
    }
    for (const name of [...names, this.#format.last]) {
      if (this.#staged.has(name)) renameSync(join(this.#folder, name), join(this.#out, name));
    }
    this.#writeJournal(this.#out, new Map([...this.#inPlace, ...this.#staged]));
    rmSync(this.#folder, { recursive: true });
  }

  #writeJournal(folder: string, files: ReadonlyMap<string, PackFile>): void {
    const path = join(folder, this.#format.journal);
    const sorted = [...files.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    writeFileSync(`${path}.tmp`, JSON.stringify({ key: this.#key, files: sorted } satisfies Journal));
    renameSync(`${path}.tmp`, path);
  }

  async #fitting(folder: string, pool: WorkerPool): Promise<PackFile[]> {
    const journal = readJournal(join(folder, this.#format.journal));
    if (journal?.key !== this.#key) return [];
    const checks = journal.files.map(async (file) => {
      const path = join(folder, file.name);
      if (!existsSync(path) || statSync(path).size !== file.bytes) return [];
      const { sha256 } = await pool.run({ kind: "hash", path });
      return sha256 === file.sha256 ? [file] : [];
    });
    return (await Promise.all(checks)).flat();
  }
}

/** null where there is none that can be read: its files are made again. */
function readJournal(path: string): Journal | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Journal;
  } catch {
    return null;
  }
}
