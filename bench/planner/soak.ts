/** @file Thousands of small batches: memory and latency must stay as they were after the first hundredth. */
import { note } from "../harness/browser.ts";
import { mib, table } from "../harness/markdown.ts";
import { evenLengths, inputIds } from "../harness/texts.ts";
import { measureWorkerHeap, type HeapPeak } from "../heap.ts";
import { change, median, percent, sum, withEmbedder, type Check, type Section, type Setting } from "./setting.ts";

const TEXTS = { least: 1, most: 4 };
const TOKENS = { least: 4, most: 24 };
/** One text before the batches: its random ids fill the cache of token rows, which is bounded and not what is tested. */
const FIRST_TOKENS = 1500;

const MOST_CHANGE = 0.02;

/** Where memory is looked at, as shares of all batches. */
const LOOKS = [0.01, 0.25, 0.5, 0.75, 1];

/** What was in use when so many batches were done. */
interface Look {
  readonly batches: number;
  readonly vramBytes: number;
  readonly heapBytes: number;
  readonly heapWithBuffersBytes: number;
  readonly wasmBytes: number;
  /** Of a batch since the look before. */
  readonly medianMs: number;
}

export async function soak(setting: Setting): Promise<Section> {
  const { batches } = setting.sizes.soak;
  let heap = (): Promise<HeapPeak> => Promise.reject(new Error("the page has not been opened"));
  const onPage = async (page: Parameters<typeof measureWorkerHeap>[0]): Promise<void> => {
    heap = await measureWorkerHeap(page);
  };
  return withEmbedder(setting, { pack: "nano", onPage }, async ({ page, manifest }) => {
    const counts = evenLengths(batches, TEXTS);
    const lengths = evenLengths(sum(counts), TOKENS);
    let text = 0;
    const requests = counts.map((count) =>
      Array.from({ length: count }, () => inputIds(lengths[text++]!, manifest, text)),
    );
    await page.evaluate((ids) => bench.embed([ids]), inputIds(FIRST_TOKENS, manifest));
    const looks: Look[] = [];
    let done = 0;
    for (const share of LOOKS) {
      const upTo = Math.round(share * batches);
      const times = await page.evaluate((some) => bench.embedEach(some), requests.slice(done, upTo));
      done = upTo;
      const { usedBytes, withBuffersBytes } = await heap();
      const status = await page.evaluate(() => bench.status());
      looks.push({
        batches: done,
        vramBytes: status.vram.liveBytes,
        heapBytes: usedBytes,
        heapWithBuffersBytes: withBuffersBytes,
        wasmBytes: await page.evaluate(() => bench.wasmBytes()),
        medianMs: median(times),
      });
      note(`soak: ${done} of ${batches} batches`);
    }
    return report(setting, looks);
  });
}

function report({ device }: Setting, looks: readonly Look[]): Section {
  const [first, last] = [looks[0]!, looks.at(-1)!];
  const check = (what: string, pick: (look: Look) => number): Check => {
    const share = change(pick(first), pick(last));
    return {
      what: `${what} at the end, against the first hundredth`,
      measured: percent(share, 2),
      limit: `within ${percent(MOST_CHANGE, 0)}`,
      passed: Math.abs(share) <= MOST_CHANGE,
    };
  };
  return {
    title: `${last.batches} small batches`,
    checks: [
      ...(device === "webgpu" ? [check("GPU memory", ({ vramBytes }) => vramBytes)] : []),
      check("the worker's JS heap", ({ heapBytes }) => heapBytes),
      check("the same with ArrayBuffers", ({ heapWithBuffersBytes }) => heapWithBuffersBytes),
      check("WASM heap", ({ wasmBytes }) => wasmBytes),
    ],
    details: [
      `${TEXTS.least} to ${TEXTS.most} texts of ${TOKENS.least} to ${TOKENS.most} tokens each, one batch after the ` +
        "other; the JS heap after collecting its garbage; sizes in MiB.",
      table(
        ["batches", "GPU memory", "JS heap", "with ArrayBuffers", "WASM heap", "ms a batch (median)"],
        looks.map(({ batches, vramBytes, heapBytes, heapWithBuffersBytes, wasmBytes, medianMs }) => [
          batches,
          mib(vramBytes, 2),
          mib(heapBytes, 2),
          mib(heapWithBuffersBytes, 2),
          mib(wasmBytes, 2),
          medianMs.toFixed(1),
        ]),
      ),
    ],
  };
}
