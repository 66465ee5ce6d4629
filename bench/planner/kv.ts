/** @file One KV buffer as past and present: bytes and time saved against copying the past with each slice. */
import type { Page } from "@playwright/test";
import { inPage, note } from "../harness/browser.ts";
import { mib, table } from "../harness/markdown.ts";
import { inputIds } from "../harness/texts.ts";
import type { KvMode, KvSample, Sliced } from "./kv-page/page.ts";
import { largestDifference, median, packPath, spread, type Section, type Setting } from "./setting.ts";

/** The longest text. */
const LONGEST = 32_768;
const CHUNK_TOKENS = 512;

const MODES: readonly KvMode[] = ["shared", "copied"];
type Samples = Record<KvMode, KvSample[]>;

export async function kv(setting: Setting): Promise<Section> {
  const title = "KV in one buffer";
  if (setting.device !== "webgpu") {
    const details = ["Of WebGPU only: on WASM each run copies its past into ONNX Runtime's heap."];
    return { title, checks: [], details };
  }
  const samples = await compare(setting);
  const longest = await rehearseLongest(setting, CHUNK_TOKENS);
  const ms = (mode: KvMode): number[] => samples[mode].map(({ milliseconds }) => milliseconds);
  const [shared, copied] = MODES.map((mode) => samples[mode][0]!) as [KvSample, KvSample];
  const difference = largestDifference(shared.row, copied.row);
  const savedMs = median(ms("copied")) - median(ms("shared"));
  const { tokens, chunkTokens } = setting.sizes.kv;
  const note_ = (value: string) => ({ measured: value, limit: "measured", passed: null });
  return {
    title,
    checks: [
      {
        what: `GPU memory saved, ${LONGEST} tokens`,
        ...note_(`${mib(longest.copied.peakBytes - longest.shared.peakBytes)} MiB`),
      },
      {
        what: `time saved, ${tokens} tokens`,
        ...note_(`${savedMs.toFixed(0)} ms of ${median(ms("copied")).toFixed(0)}`),
      },
      {
        what: "largest difference between the two, last token's row",
        measured: difference.toExponential(1),
        limit: "0",
        passed: difference === 0,
      },
    ],
    details: [
      `${setting.manifests.nano.architecture.num_hidden_layers} layers; times of ${tokens} tokens in slices of ${chunkTokens}, ` +
        `${setting.rounds} rounds of both in turn, median (range); memory of ${LONGEST} tokens in slices of ${CHUNK_TOKENS}, MiB.`,
      table(
        ["", "ms", "past bytes copied, MiB", "KV of the longest text", "its peak above weights"],
        MODES.map((mode) => [
          mode === "shared" ? "one buffer" : "copied with each slice",
          spread(ms(mode)),
          mode === "shared" ? 0 : mib(copiedBytes(setting)),
          mib(longest[mode].kvBytes),
          mib(longest[mode].peakBytes - longest[mode].weightBytes),
        ]),
      ),
    ],
  };
}

/**
 * What the longest text takes by the gauge, measured without dispatches: all buffers are made.
 *
 * @param chunkTokens - Size of its slices.
 */
export function rehearseLongest(setting: Setting, chunkTokens: number): Promise<Record<KvMode, Omit<KvSample, "row">>> {
  return withEngine(setting, "left-out", async (page) => {
    const rehearse = (mode: KvMode) =>
      page.evaluate((sliced) => kvBench.rehearse(sliced), { tokens: LONGEST, chunkTokens, mode } satisfies Sliced);
    return { shared: await rehearse("shared"), copied: await rehearse("copied") };
  });
}

function compare(setting: Setting): Promise<Samples> {
  const { tokens, chunkTokens } = setting.sizes.kv;
  return withEngine(setting, "run", async (page) => {
    const samples: Samples = { shared: [], copied: [] };
    const ids = inputIds(tokens, setting.manifests.nano);
    const embed = (mode: KvMode, some = ids): Promise<KvSample> =>
      page.evaluate(({ texts, sliced }) => kvBench.embed(texts, sliced), {
        texts: some,
        sliced: { tokens: some.length, chunkTokens, mode },
      });
    // Both ways compile their pipelines before they are timed.
    for (const mode of MODES) await embed(mode, ids.slice(-2 * chunkTokens));
    for (let round = 0; round < setting.rounds; round++) {
      for (const mode of MODES) samples[mode].push(await embed(mode));
      note(
        `kv, round ${round + 1}: ${MODES.map((mode) => samples[mode].at(-1)!.milliseconds.toFixed(0)).join(" and ")} ms`,
      );
    }
    return samples;
  });
}

function withEngine<T>(setting: Setting, dispatches: "run" | "left-out", task: (page: Page) => Promise<T>): Promise<T> {
  const url = new URL("bench/planner/kv-page/index.html", setting.server).href;
  return inPage(setting.browser, { url, ready: "kvBench" }, async (page) => {
    const device = await page.evaluate(({ path, how }) => kvBench.open(path, how), {
      path: packPath("nano"),
      how: dispatches,
    });
    setting.adapter = device.adapter;
    return task(page);
  });
}

/** Of all slices' pasts, in all layers. */
function copiedBytes({ sizes, manifests }: Setting): number {
  const { tokens, chunkTokens } = sizes.kv;
  const { num_key_value_heads: heads, head_dim: headDim, num_hidden_layers: layers } = manifests.nano.architecture;
  const slices = Math.ceil(tokens / chunkTokens);
  const pastTokens = (chunkTokens * slices * (slices - 1)) / 2;
  return layers * pastTokens * 2 * heads * headDim * Float32Array.BYTES_PER_ELEMENT;
}
