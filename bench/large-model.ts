/**
 * @file `npm run bench:large`: a pack too large for most budgets in Chromium, under several of them. Prints Markdown:
 * predicted and measured GPU memory, heaps, times, and whether the vectors are the same.
 */
import { parseArgs } from "node:util";
import type { Browser, Page } from "@playwright/test";
import type { Activations, PackManifest } from "../src/pack.ts";
import type { EmbedderStatus } from "../src/types.ts";
import { describeMachine, inPage, note, withBrowser, withServer } from "./harness/browser.ts";
import { cutPack } from "./harness/cut-pack.ts";
import { mib, table, type Cell } from "./harness/markdown.ts";
import type { LoadChoice, Sample } from "./harness/page.ts";
import { PACK_PATH, servePack } from "./harness/serve-pack.ts";
import { inputIds } from "./harness/texts.ts";
import { watchWorkerHeap, type HeapPeak } from "./heap.ts";

const USAGE = `Usage: npm run bench:large -- --pack DIR [options]

  --pack DIR               made by npm run pack:synthetic -- --shape 4b --out DIR
  --layers N               run the pack's first N layers only (default: all; software WebGPU: about 8 s a layer)
  --budgets MIB,…          of GPU memory, or unlimited (default: 512,1024,unlimited)
  --lengths N,…            tokens of the texts (default: 16,64)
  --chunk N                most tokens a run (default: the library's)
  --activations f32|f16    (default: f32)
`;

const MIB = 2 ** 20;

/** Stands for no budget: it must be a whole number. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** What came of one budget. */
interface Trial {
  readonly budget: string;
  readonly status: EmbedderStatus;
  readonly samples: readonly (Sample & { readonly tokens: number })[];
  readonly heap: HeapPeak;
}

/** A budget under which it did not work, and why. */
interface Failure {
  readonly budget: string;
  readonly reason: string;
}

const { values } = parseArgs({
  options: {
    pack: { type: "string" },
    layers: { type: "string" },
    budgets: { type: "string", default: "512,1024,unlimited" },
    lengths: { type: "string", default: "16,64" },
    chunk: { type: "string" },
    activations: { type: "string", default: "f32" },
    help: { type: "boolean" },
  },
});

if (values.help || !values.pack) process.stdout.write(USAGE);
else await main(values.pack);

async function main(folder: string): Promise<void> {
  const manifest = await cutPack(folder, values.layers === undefined ? undefined : count(values.layers));
  await withServer({ pages: ["bench/harness/index.html"], plugins: [servePack(folder, manifest)] }, (server) =>
    withBrowser(async (browser) => {
      const trials: (Trial | Failure)[] = [];
      for (const budget of values.budgets.split(",")) {
        trials.push(await tryBudget({ browser, server, manifest }, budget));
      }
      report(manifest, trials, browser.version());
    }),
  );
}

interface Place {
  readonly browser: Browser;
  /** URL. */
  readonly server: string;
  readonly manifest: PackManifest;
}

async function tryBudget({ browser, server, manifest }: Place, budget: string): Promise<Trial | Failure> {
  let stopWatching = (): HeapPeak => ({ usedBytes: NaN, withBuffersBytes: NaN });
  const at = {
    url: new URL("bench/harness/index.html", server).href,
    ready: "bench",
    onPage: async (page: Page) => {
      stopWatching = await watchWorkerHeap(page);
    },
  };
  try {
    return await inPage(browser, at, async (page) => {
      const choice: LoadChoice = {
        device: "webgpu",
        activations: values.activations as Activations,
        vramBudgetBytes: budget === "unlimited" ? UNLIMITED : count(budget) * MIB,
        // The whole text in one run where memory allows it, so that machines of any speed plan alike.
        maxRunMs: Infinity,
        ...(values.chunk && { chunkTokens: count(values.chunk) }),
      };
      note(`${budget}: loading`);
      const status = await page.evaluate(({ path, choice: wish }) => bench.open(path, wish), {
        path: PACK_PATH,
        choice,
      });
      const samples: Trial["samples"][number][] = [];
      for (const tokens of values.lengths.split(",").map(count)) {
        note(`${budget}: ${tokens} tokens`);
        const sample = await page.evaluate((ids) => bench.embed([ids]), inputIds(tokens, manifest));
        samples.push({ ...sample, tokens });
      }
      return { budget, status: samples.at(-1)?.status ?? status, samples, heap: stopWatching() };
    });
  } catch (error) {
    return { budget, reason: (error as Error).message.split("\n")[0]! };
  } finally {
    stopWatching();
  }
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`${text} is not a whole number above 0`);
}

function report(manifest: PackManifest, results: readonly (Trial | Failure)[], version: string): void {
  const { architecture, name, quantization } = manifest;
  const trials = results.filter((result) => "samples" in result);
  console.log(
    `${name}, ${architecture.num_hidden_layers} layers, ${quantization.bits} bit, ${values.activations} activations; ` +
      `${describeMachine(version, trials[0]?.status.device.adapter ?? null)}; sizes in MiB\n`,
  );
  print(
    ["budget", "layers resident", "streamed", "load s", "worker's JS heap", "with ArrayBuffers", "WASM heap"],
    trials.map(({ budget, status: { vram, load }, samples, heap }) => [
      budget,
      vram.residentLayers,
      vram.streamedLayers,
      (load.totalMs / 1000).toFixed(1),
      mib(heap.usedBytes),
      mib(heap.withBuffersBytes),
      mib(samples.at(-1)?.wasmBytes ?? 0),
    ]),
  );
  console.log();
  print(
    [
      "budget",
      "tokens",
      "predicted",
      "peak",
      "predicted ÷ peak",
      "runs",
      "ms a run",
      "tokens/s",
      "uploads",
      "largest difference",
    ],
    trials.flatMap((trial) =>
      trial.samples.map((sample, i) => [trial.budget, ...describeSample(sample, trials[0]!.samples[i]!)]),
    ),
  );
  for (const result of results) if ("reason" in result) console.log(`\n${result.budget}: ${result.reason}`);
}

function print(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  console.log(table(head, rows));
}

/** @param first - The same text under the first budget. */
function describeSample(sample: Trial["samples"][number], first: Sample): Cell[] {
  const { tokens, status, runs, runSeconds, milliseconds, uploads, vector } = sample;
  const { predictedBytes, peakBytes } = status.vram;
  const difference = Math.max(...vector.map((value, i) => Math.abs(value - first.vector[i]!)));
  return [
    tokens,
    mib(predictedBytes),
    mib(peakBytes),
    (predictedBytes / peakBytes).toFixed(2),
    runs,
    Math.round((1000 * runSeconds) / runs),
    ((1000 * tokens) / milliseconds).toFixed(1),
    uploads,
    difference === 0 ? "none" : difference.toExponential(1),
  ];
}
