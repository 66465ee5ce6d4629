/**
 * @file `npm run bench:profile`: where the time of a layer goes, kernel by kernel, beside the adapter's own peaks; and
 * what the last layer's short cut, the graph for whole sequences and the brief self-check save. Writes a result.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Page } from "@playwright/test";
import { runFlops } from "../src/batch/cost.ts";
import type { Architecture, PackManifest } from "../src/pack.ts";
import { packSynthetic, type ShapeName } from "../tools/pack/synthetic-pack.ts";
import { spreadOf } from "./compare/statistics.ts";
import { cutPack } from "./harness/cut-pack.ts";
import { inPage, note, withBrowser, withServer } from "./harness/browser.ts";
import { PACK_PATH, servePack } from "./harness/serve-pack.ts";
import type { ProfileChoice } from "./profile/page.ts";
import { adapterSlug, resultFrame, writeResult } from "./report/frame.ts";
import type { LengthProfile, ProfileResult } from "./report/profile-result.ts";

const USAGE = `Usage: npm run bench:profile -- [options]

  --shape 0.6b|4b|8b        random weights of that shape, made into test-packs/ once (default: the built-in nano)
  --pack DIR                a pack instead
  --layers N                run its first N layers, 2 or more (default: 2 of a shape, all of a pack)
  --lengths N,…             tokens of the texts (default: 16,128,512)
  --device webgpu|wasm      (default: webgpu)
  --activations f32|f16     (default: f32)
  --rounds N                timed, after one that is not (default: 5)
  --out PATH                folder or file of the result (default: bench/results)
`;

const PAGE = "bench/profile/index.html";

const { values } = parseArgs({
  options: {
    shape: { type: "string" },
    pack: { type: "string" },
    layers: { type: "string" },
    lengths: { type: "string", default: "16,128,512" },
    device: { type: "string", default: "webgpu" },
    activations: { type: "string", default: "f32" },
    rounds: { type: "string", default: "5" },
    out: { type: "string" },
    help: { type: "boolean" },
  },
});

if (values.help) process.stdout.write(USAGE);
else await main();

async function main(): Promise<void> {
  const date = new Date().toISOString();
  const { folder, manifest, modelLayers } = await findModel();
  const choice = { device: values.device, activations: values.activations } as ProfileChoice;
  const { device, host, ...measured } = await measureAll({ folder, manifest, modelLayers }, choice);
  const { name, quantization, architecture } = manifest;
  const adapter = device.kind === "webgpu" ? device.adapter : null;
  const result: ProfileResult = {
    ...resultFrame({
      kind: "profile",
      date,
      command: ["npm run bench:profile --", ...process.argv.slice(2)].join(" "),
      host,
      adapter,
      model: `${name}, q${quantization.bits}`,
      notes: ["Of each quantity all kinds in turn, after one round that is not counted, since it compiles."],
      packages: ["onnxruntime-web"],
    }),
    execution: `${device.kind} ${device.activations} ${device.build}`,
    layers: { run: architecture.num_hidden_layers, model: modelLayers },
    ...measured,
  };
  note(writeResult(result, `${adapterSlug(adapter)}-profile-${values.shape ?? name}`, values.out));
}

/** The folder, and the manifest of as many layers as are to run. */
async function findModel(): Promise<{ folder: string; manifest: PackManifest; modelLayers: number }> {
  const { shape, pack = "public/models/nano-q4" } = values;
  const layers = values.layers === undefined ? undefined : Number(values.layers);
  if (shape === undefined) {
    const manifest = await cutPack(pack, layers);
    return { folder: pack, manifest, modelLayers: (await cutPack(pack)).architecture.num_hidden_layers };
  }
  const out = join("test-packs", `profile-${shape}-${layers ?? 2}`);
  if (!existsSync(join(out, "manifest.json"))) note(`${out}: random weights, once`);
  const manifest = await packSynthetic({
    shape: shape as ShapeName,
    out,
    bits: 4,
    embeddingBits: 8,
    layers: layers ?? 2,
  });
  const { SHAPES } = await import("../tools/pack/synthetic-pack.ts");
  return { folder: out, manifest, modelLayers: SHAPES[shape as ShapeName].architecture.num_hidden_layers };
}

async function measureAll(
  what: { readonly folder: string; readonly manifest: PackManifest; readonly modelLayers: number },
  choice: ProfileChoice,
) {
  const { folder, manifest, modelLayers } = what;
  const isWhole = manifest.architecture.num_hidden_layers === modelLayers;
  return withServer({ pages: [PAGE], plugins: [servePack(folder, manifest)] }, (server) =>
    withBrowser((browser) =>
      inPage(browser, { url: new URL(PAGE, server).href, ready: "profile" }, async (page) => {
        const open = ({ path, wish }: { path: string; wish: ProfileChoice }) =>
          profile.open(new URL(path, location.href).href, wish);
        const { device, layerBytes } = await page.evaluate(open, { path: PACK_PATH, wish: choice });
        const lengths: LengthProfile[] = [];
        for (const tokens of values.lengths.split(",").map(Number)) {
          lengths.push(await measureLength(page, { tokens, layerBytes, architecture: manifest.architecture }));
        }
        const peaks = await page.evaluate(() => profile.peaks());
        const selfCheck = isWhole ? await measureSelfCheck(page, choice) : null;
        return { device, host: `Chromium ${browser.version()}`, lengths, peaks, selfCheck };
      }),
    ),
  );
}

async function measureLength(
  page: Page,
  what: { readonly tokens: number; readonly layerBytes: number; readonly architecture: Architecture },
): Promise<LengthProfile> {
  const { tokens, layerBytes, architecture } = what;
  note(`${tokens} tokens`);
  const rounds = Number(values.rounds);
  const times = await page.evaluate(([n, times]) => profile.measure(n, times), [tokens, rounds] as const);
  const { wholeMs, slicedMs, lastMs, kernels } = times;
  return {
    tokens,
    wholeMs: spreadOf(wholeMs),
    slicedMs: spreadOf(slicedMs),
    lastMs: spreadOf(lastMs),
    flops: flopsOf(architecture, tokens),
    weightBytes: layerBytes,
    kernels,
  };
}

/** What grows with the square of the tokens is attention's. */
function flopsOf(architecture: Architecture, tokens: number): LengthProfile["flops"] {
  const slices = [{ sequence: 0, start: 0, length: tokens }];
  const all = runFlops(architecture, { slices, tokenCount: tokens, sliced: false });
  const attention = 2 * architecture.num_attention_heads * architecture.head_dim * tokens * (tokens + 1);
  return { linear: all - attention, attention };
}

/** In turn; the first full one lets the brief ones be brief. */
async function measureSelfCheck(page: Page, choice: ProfileChoice): Promise<NonNullable<ProfileResult["selfCheck"]>> {
  const once = (scope: "full" | "auto"): Promise<number> => {
    note(`self-check, ${scope}`);
    const load = ({ path, wish, how }: { path: string; wish: ProfileChoice; how: "full" | "auto" }) =>
      profile.selfCheck(path, wish, how);
    return page.evaluate(load, { path: PACK_PATH, wish: choice, how: scope });
  };
  await once("full");
  const [full, brief]: [number[], number[]] = [[], []];
  for (let round = 0; round < Math.min(3, Number(values.rounds)); round++) {
    full.push(await once("full"));
    brief.push(await once("auto"));
  }
  return { fullMs: spreadOf(full), briefMs: spreadOf(brief) };
}
