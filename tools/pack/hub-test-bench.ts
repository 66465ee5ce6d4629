/** @file What the tests of hub downloads share: a hub and a cache for each test. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, vi } from "vitest";
import type { Fault, LoggedRequest } from "../fault-server.ts";
import { downloadModel, type HubDownload } from "./hub-download.ts";
import { HubImitation, REPO } from "./hub-imitation.ts";
import { SHARDS, stressRepository } from "./hub-test-model.ts";
import type { DownloadStep } from "./progress.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export const FILES = stressRepository();
export const COMMIT = "c".repeat(40);
export const LATER = "d".repeat(40);
export const [FIRST, SECOND] = SHARDS;
export const BYTES = FILES.get(FIRST)!.length;
/** What packing needs. */
export const WANTED = ["README.md", "config.json", "model.safetensors.index.json", ...SHARDS].sort();
export const TOTAL = WANTED.reduce((sum, name) => sum + FILES.get(name)!.length, 0);
export const TREE = `/api/models/${REPO}/tree/${COMMIT}`;
export const MAIN = `/api/models/${REPO}/revision/main`;

export interface Outcome {
  readonly waits: number[];
  readonly steps: DownloadStep[];
  readonly notes: string[];
  readonly path: string;
  readonly commit: string;
}

/** One test's hub, and what it is asked. Made by `useHub`. */
export class HubBench {
  readonly root = temporaryFolder();
  cache = "";
  #hub: HubImitation | null = null;
  #count = 0;

  async open(): Promise<void> {
    this.#hub = await HubImitation.start();
    this.#hub.addCommit(COMMIT, FILES);
    this.#hub.branches.set("main", COMMIT);
    this.cache = join(this.root, `cache-${this.#count++}`);
  }

  get hub(): HubImitation {
    return this.#hub!;
  }

  /** Downloads `main` without waiting between failures. */
  async download(changes: Partial<HubDownload> = {}): Promise<Outcome> {
    const waits: number[] = [];
    const steps: DownloadStep[] = [];
    const notes: string[] = [];
    const wait = (ms: number) => (waits.push(ms), Promise.resolve());
    const model = await downloadModel({
      repo: REPO,
      revision: "main",
      access: { endpoint: this.hub.endpoint, token: null },
      cache: this.cache,
      onProgress: (step) => steps.push(step),
      onNote: (note) => notes.push(note),
      retry: { wait, random: () => 0 },
      ...changes,
    });
    return { ...model, waits, steps, notes };
  }

  addFaults(...faults: Fault[]): void {
    this.hub.storage.addFaults("x", faults);
  }

  asked(file: string): LoggedRequest[] {
    return this.hub.storage.log("x").filter((request) => request.file === file);
  }

  /** First bytes of the ranges that were asked for. */
  starts(file: string): number[] {
    return this.asked(file).map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0));
  }

  partial(file: string): string {
    return join(this.cache, "acme--stress", COMMIT, `${file}.partial`);
  }

  partialBytes(file: string): number {
    return existsSync(this.partial(file)) ? statSync(this.partial(file)).size : 0;
  }

  /** A download that is cancelled when so many bytes of the first shard are written. */
  async stopAt(bytes: number): Promise<void> {
    const stop = new AbortController();
    this.addFaults({ file: FIRST, kind: "gate", at: bytes });
    const downloading = this.download({ signal: stop.signal });
    await this.hub.storage.held("x");
    await vi.waitUntil(() => this.partialBytes(FIRST) === bytes);
    stop.abort();
    await expect(downloading).rejects.toMatchObject({ code: "aborted" });
    this.hub.storage.clear("x");
  }
}

/** A hub for each test of the file. */
export function useHub(): HubBench {
  const bench = new HubBench();
  beforeEach(() => bench.open());
  afterEach(() => bench.hub.stop());
  return bench;
}

/** Expects the repository's files that packing needs, and no other. */
export function expectWhole(path: string): void {
  expect(readdirSync(path).sort()).toEqual([".listing.json", ...WANTED]);
  for (const name of WANTED) expect(readFileSync(join(path, name)).equals(FILES.get(name)!)).toBe(true);
}
