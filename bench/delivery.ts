/**
 * @file `npm run bench:delivery`: what it costs to store a pack exactly, and to load it from there, beside doing the
 * same without hashes: both in turn, in one browser. Prints Markdown; medians, with the range in brackets.
 */
import { parseArgs } from "node:util";
import type { Page } from "@playwright/test";
import type { PackManifest } from "../src/pack.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { watchWorkerHeap, type HeapPeak } from "./heap.ts";
import type { StoreDownload } from "./delivery/page.ts";
import { describeMachine, inProfile, note, withServer } from "./harness/browser.ts";
import { mib, table } from "./harness/markdown.ts";
import { PACK_PATH, servePack } from "./harness/serve-pack.ts";

const USAGE = `Usage: npm run bench:delivery -- [options]

  --pack DIR         a pack (default: the built-in nano; for the figures of docs/measurements.md first
                     npm run pack:synthetic -- --shape 4b --out DIR)
  --only WHAT,…      download, load (default: both)
  --rounds N         of each, ours and plain in turn (default: 3)
`;

const PAGE = "bench/delivery/index.html";

interface Figures {
  readonly ms: number;
  readonly bytes: number;
}

interface Downloads {
  readonly ours: StoreDownload[];
  readonly plain: Figures[];
  readonly heap: HeapPeak;
}

interface Loads {
  readonly ours: Figures[];
  readonly plain: Figures[];
}

const { values } = parseArgs({
  options: {
    pack: { type: "string", default: "public/models/nano-q4" },
    only: { type: "string", default: "download,load" },
    rounds: { type: "string", default: "3" },
    help: { type: "boolean" },
  },
});
if (values.help) process.stdout.write(USAGE);
else await main(values.pack, values.only.split(","), Number(values.rounds));

async function main(folder: string, only: readonly string[], rounds: number): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as PackManifest;
  const plugins = [servePack(folder, manifest)];
  await withServer({ pages: [PAGE], plugins }, async (url) => {
    const at = { url: `${url}${PAGE}`, ready: "delivery" };
    const inFreshPage: InFreshPage = (task) => inProfile(at, task);
    const version = await inFreshPage(async (page) => page.context().browser()!.version());
    console.log(`${describeMachine(version, null)}; ${manifest.name}`);
    if (only.includes("download")) printDownloads(await measureDownloads(rounds, inFreshPage));
    if (only.includes("load")) printLoads(await inFreshPage((page) => measureLoads(page, rounds)));
  });
}

/** In a browser whose storage is empty. */
type InFreshPage = <T>(task: (page: Page) => Promise<T>) => Promise<T>;

async function measureDownloads(rounds: number, inFreshPage: InFreshPage): Promise<Downloads> {
  const ours: StoreDownload[] = [];
  const plain: Figures[] = [];
  let heap: HeapPeak = { usedBytes: 0, withBuffersBytes: 0 };
  for (let round = 0; round < rounds; round++) {
    note(`download ${round + 1} of ${rounds}`);
    plain.push(
      await inFreshPage((page) => page.evaluate((url) => delivery.plain({ kind: "download", url }), PACK_PATH)),
    );
    await inFreshPage(async (page) => {
      const stop = await watchWorkerHeap(page);
      ours.push(await page.evaluate((url) => delivery.download(url), PACK_PATH));
      const peak = stop();
      heap = {
        usedBytes: Math.max(heap.usedBytes, peak.usedBytes),
        withBuffersBytes: Math.max(heap.withBuffersBytes, peak.withBuffersBytes),
      };
    });
  }
  return { ours, plain, heap };
}

/** From a store that is warm: what was just written is in the system's cache, for both. */
async function measureLoads(page: Page, rounds: number): Promise<Loads> {
  note("storing the pack twice");
  const { id } = await page.evaluate((url) => delivery.download(url), PACK_PATH);
  await page.evaluate((url) => delivery.plain({ kind: "download", url }), PACK_PATH);
  const ours: Figures[] = [];
  const plain: Figures[] = [];
  for (let round = 0; round < rounds; round++) {
    note(`load ${round + 1} of ${rounds}`);
    plain.push(await page.evaluate(() => delivery.plain({ kind: "load" })));
    ours.push(await page.evaluate((order) => delivery.load(order), { id, activations: "f32" } as const));
  }
  return { ours, plain };
}

function printDownloads({ ours, plain, heap }: Downloads): void {
  const bytes = ours[0]!.bytes;
  const perSecond = (ms: number): number => bytes / 1e6 / (ms / 1000);
  const rate = (times: readonly number[]): string => spread(times.map(perSecond));
  const whole = ours.map(({ downloadMs, verifyMs }) => downloadMs + verifyMs);
  console.log(`\nDownload of ${mib(bytes)} MiB from loopback, MB/s:\n`);
  const rows = [
    ["plain: fetched and written", rate(plain.map(({ ms }) => ms))],
    ["ours, fetched, hashed, written, journaled", rate(ours.map(({ downloadMs }) => downloadMs))],
    ["ours, with everything read back and hashed again", rate(whole)],
    [
      "ours ÷ plain, without reading back",
      ratios(
        plain,
        ours.map(({ downloadMs }) => downloadMs),
      ),
    ],
    ["ours ÷ plain, with it", ratios(plain, whole)],
    ["peak JS heap of the worker, objects, MB", (heap.usedBytes / 1e6).toFixed(1)],
    ["– with ArrayBuffers", (heap.withBuffersBytes / 1e6).toFixed(1)],
  ];
  console.log(table(["what", "median (range)"], rows));
}

function printLoads({ ours, plain }: Loads): void {
  const { bytes } = ours[0]!;
  const rate = (figures: readonly Figures[]): string => spread(figures.map(({ ms }) => bytes / 1e6 / (ms / 1000)));
  console.log(`\nAll layers (${mib(bytes)} MiB) from a warm store to the GPU, f32, MB/s:\n`);
  const rows = [
    ["plain: read and written to buffers", rate(plain)],
    ["ours: read, hashed, scales widened, written to buffers", rate(ours)],
    [
      "ours ÷ plain",
      ratios(
        plain,
        ours.map(({ ms }) => ms),
      ),
    ],
  ];
  console.log(table(["what", "median (range)"], rows));
}

/** How much of the plain rate ours reaches, round by round. */
function ratios(plain: readonly Figures[], ours: readonly number[]): string {
  return spread(
    ours.map((ms, round) => plain[round]!.ms / ms),
    2,
  );
}

function spread(values: readonly number[], digits = 0): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): string => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(digits);
  return `${at(0.5)} (${at(0)}–${at(1)})`;
}
