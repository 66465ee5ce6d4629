/** @file The longest text: exact whatever the slices, in little memory, and memory stays flat over many long texts. */
import { note } from "../harness/browser.ts";
import { mib, table, type Cell } from "../harness/markdown.ts";
import type { LoggedRun } from "../harness/probe.ts";
import { evenLengths, inputIds } from "../harness/texts.ts";
import { measureWorkerHeap, type HeapPeak } from "../heap.ts";
import { rehearseLongest } from "./kv.ts";
import { largestDifference, withEmbedder, type Check, type Section, type Setting } from "./setting.ts";

const TOKENS = 32_768;
const CHUNKS = [512, 4096] as const;
const MOST_DIFFERENCE = 5e-5;
const MOST_PEAK_BYTES = 300e6;

/** What counts as flat: the compiler's notes on code that is run again and again take some 100 kB at first. */
const MOST_GROWTH_BYTES = 2 ** 20;

/** The longest text in slices of one size. */
interface LongSample {
  readonly vector: readonly number[];
  readonly milliseconds: number;
  readonly chunks: readonly number[];
  readonly aboveWeightsBytes: number;
  readonly wasmBytes: number;
}

/** Memory after so many long texts. */
interface Look {
  readonly texts: number;
  readonly vramBytes: number;
  readonly vramPeakBytes: number;
  readonly heapBytes: number;
  readonly wasmBytes: number;
}

export async function long(setting: Setting): Promise<Section> {
  // Both at once: they take minutes, and are not compared by their times.
  const samples = await Promise.all(CHUNKS.map((chunkTokens) => embedLongest(setting, chunkTokens)));
  const peaks = setting.device === "webgpu" ? await peakRows(setting) : [];
  const looks = await embedMany(setting);
  const [a, b] = samples as [LongSample, LongSample];
  const difference = largestDifference(a.vector, b.vector);
  return {
    title: `${TOKENS} tokens`,
    checks: [
      {
        what: `largest difference of a component, slices of ${CHUNKS.join(" and ")} tokens (${nameOf(setting)})`,
        measured: difference.toExponential(1),
        limit: `≤ ${MOST_DIFFERENCE.toExponential(0)}`,
        passed: difference <= MOST_DIFFERENCE,
      },
      ...peaks.map(({ chunkTokens, bytes }): Check => {
        return {
          what: `peak GPU memory above weights at nano's shape, slices of ${chunkTokens}`,
          measured: `${(bytes / 1e6).toFixed(1)} MB`,
          limit: `< ${MOST_PEAK_BYTES / 1e6} MB`,
          passed: bytes < MOST_PEAK_BYTES,
        };
      }),
      ...flatChecks(setting, looks),
    ],
    details: [
      table(
        ["slices of", "seconds (both at once)", "slices as run", "GPU memory above weights, MiB", "WASM heap, MiB"],
        samples.map(describe),
      ),
      ...(peaks.length > 0 ? ["At nano's shape by the gauge, dispatches left out: every buffer is made."] : []),
      `${setting.sizes.long.texts} texts of ${setting.sizes.long.textTokens / 2} to ${setting.sizes.long.textTokens} tokens, the longest ` +
        "first; the JS heap after collecting its garbage; MiB.",
      table(
        ["texts", "GPU memory", "its peak", "worker's JS heap", "WASM heap"],
        looks.map(({ texts, vramBytes, vramPeakBytes, heapBytes, wasmBytes }) => [
          texts,
          ...[vramBytes, vramPeakBytes, heapBytes, wasmBytes].map((bytes) => mib(bytes, 2)),
        ]),
      ),
    ],
  };
}

function describe({ milliseconds, chunks, aboveWeightsBytes, wasmBytes }: LongSample, index: number): Cell[] {
  const sizes = [...new Set(chunks)].map((size) => `${chunks.filter((other) => other === size).length} × ${size}`);
  return [CHUNKS[index]!, (milliseconds / 1000).toFixed(1), sizes.join(", "), mib(aboveWeightsBytes), mib(wasmBytes)];
}

function embedLongest(setting: Setting, chunkTokens: number): Promise<LongSample> {
  const { pack } = setting.sizes.long;
  return withEmbedder(setting, { pack, choice: { chunkTokens, maxRunMs: Infinity } }, async ({ page, manifest }) => {
    await page.evaluate(() => bench.logRuns("start"));
    const sample = await page.evaluate((ids) => bench.embed([ids]), inputIds(TOKENS, manifest));
    const runs = await page.evaluate(() => bench.logRuns("end"));
    const { vram } = sample.status;
    note(`long: slices of ${chunkTokens} took ${(sample.milliseconds / 1000).toFixed(0)} s`);
    return {
      vector: sample.vector,
      milliseconds: sample.milliseconds,
      chunks: chunksOf(runs, manifest.architecture.num_hidden_layers),
      aboveWeightsBytes: vram.peakBytes - vram.peak.weights,
      wasmBytes: sample.wasmBytes,
    };
  });
}

/** Sizes of the slices, in order: those of the first layer. */
function chunksOf(runs: readonly LoggedRun[], layers: number): number[] {
  return runs.slice(0, runs.length / layers).map(({ rows }) => rows);
}

async function peakRows(setting: Setting): Promise<{ readonly chunkTokens: number; readonly bytes: number }[]> {
  const rows: { chunkTokens: number; bytes: number }[] = [];
  for (const chunkTokens of CHUNKS) {
    const { peakBytes, weightBytes } = (await rehearseLongest(setting, chunkTokens)).shared;
    rows.push({ chunkTokens, bytes: peakBytes - weightBytes });
  }
  return rows;
}

async function embedMany(setting: Setting): Promise<Look[]> {
  const { pack, textTokens, texts } = setting.sizes.long;
  let heap = (): Promise<HeapPeak> => Promise.reject(new Error("the page has not been opened"));
  const onPage = async (page: Parameters<typeof measureWorkerHeap>[0]): Promise<void> => {
    heap = await measureWorkerHeap(page);
  };
  const choice = { chunkTokens: CHUNKS[0], maxRunMs: Infinity };
  return withEmbedder(setting, { pack, choice, onPage }, async ({ page, manifest }) => {
    // The longest first: RoPE tables and the WASM heap grow to it once.
    const lengths = [textTokens, ...evenLengths(texts - 1, { least: textTokens / 2, most: textTokens })];
    const looks: Look[] = [];
    for (const [i, length] of lengths.entries()) {
      const { status, wasmBytes } = await page.evaluate((ids) => bench.embed([ids]), inputIds(length, manifest, i + 1));
      if (i > 0 && (i + 1) % 10 > 0 && i + 1 < texts) continue;
      const { liveBytes, peakBytes } = status.vram;
      const { usedBytes } = await heap();
      looks.push({ texts: i + 1, vramBytes: liveBytes, vramPeakBytes: peakBytes, heapBytes: usedBytes, wasmBytes });
      note(`long: ${i + 1} of ${texts} texts`);
    }
    return looks;
  });
}

function flatChecks({ device }: Setting, looks: readonly Look[]): Check[] {
  const last = looks.at(-1)!;
  const check = (what: string, pick: (look: Look) => number, first = looks[0]!): Check => {
    const growth = pick(last) - pick(first);
    return {
      what: `growth of ${what}, ${last.texts} long texts against ${first.texts}`,
      measured: `${mib(growth, 2)} MiB of ${mib(pick(last))}`,
      limit: `flat (≤ ${mib(MOST_GROWTH_BYTES, 0)} MiB)`,
      passed: growth <= MOST_GROWTH_BYTES,
    };
  };
  return [
    ...(device === "webgpu"
      ? [
          check("GPU memory", ({ vramBytes }) => vramBytes),
          // A peak is that of the hungriest plan so far, and shorter texts are not run in slices: after ten, all kinds were.
          check("GPU memory's peak", ({ vramPeakBytes }) => vramPeakBytes, looks[1]),
        ]
      : []),
    check("the worker's JS heap", ({ heapBytes }) => heapBytes),
    check("WASM heap", ({ wasmBytes }) => wasmBytes),
  ];
}

function nameOf({ sizes, manifests }: Setting): string {
  const { name, architecture } = manifests[sizes.long.pack];
  const { num_hidden_layers: layers, num_attention_heads: heads } = architecture;
  return `${name}, layers: ${layers}, heads: ${heads}`;
}
