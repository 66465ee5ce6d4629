/**
 * @file `npm run bench:vram`: GPU memory of passes as the cost model predicts it and as the gauge measures it, in
 * Chromium, and what a full model of the 4B shape would take by the same model. Prints Markdown.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { chromium, type Page } from "@playwright/test";
import { createServer, type ViteDevServer } from "vite";
import { CostModel, totalBytes } from "../src/batch/cost.ts";
import { layerTensorSpecs } from "../src/model/manifest.ts";
import type { Activations } from "../src/pack.ts";
import type { Chunk, DeviceStatus, VramUse } from "../src/types.ts";
import { chromiumArgs, findChromium } from "../tools/chromium.mjs";
import { SHAPES } from "../tools/pack/synthetic-pack.ts";
import { cutPack } from "./harness/cut-pack.ts";
import { PACK_PATH, servePack } from "./harness/serve-pack.ts";
import type { Measurement } from "./vram/page.ts";

const USAGE = `Usage: npm run bench:vram -- [options]

  --pack DIR               a pack (default: the built-in nano; for the 4B shape first
                           npm run pack:synthetic -- --shape 4b --layers 2 --out DIR)
  --layers N               run the pack's first N layers only (default: 1)
  --resident N             how many of them stay on the GPU, the others are streamed (default: all)
  --plans PLAN,…           a plan is lengths of texts joined by +; 8x100 is 100 eight times
  --chunk N                most tokens a run (default: 512)
  --activations f32|f16    (default: f32)
  --dry                    leave out the dispatches: all buffers and pipelines are made, nothing is computed. For
                           software WebGPU, where one run of 512 tokens of the 4B shape takes minutes
`;

/** From one token to the longest text: alone, together, in slices, with a short last slice. */
const PLANS = "1,8,31,33,16x31,100,64x40,300+20x50+8x100,512,1000,2048,4096,8200,16384,32768";

const USES: readonly VramUse[] = ["weights", "tables", "hidden", "indices", "kv", "readback", "runtime"];
const MIB = 2 ** 20;

interface Row extends Measurement {
  readonly plan: string;
}

const { values } = parseArgs({
  options: {
    pack: { type: "string", default: "public/models/nano-q4" },
    layers: { type: "string", default: "1" },
    resident: { type: "string" },
    plans: { type: "string", default: PLANS },
    chunk: { type: "string", default: "512" },
    activations: { type: "string", default: "f32" },
    dry: { type: "boolean", default: false },
    help: { type: "boolean" },
  },
});

if (values.help) process.stdout.write(USAGE);
else await main();

async function main(): Promise<void> {
  const manifest = await cutPack(values.pack, Number(values.layers));
  const server = await createServer({
    plugins: [servePack(values.pack, manifest)],
    logLevel: "warn",
    optimizeDeps: { entries: ["bench/vram/index.html"] },
    // A run takes minutes: the page must not reload because a file was saved.
    server: { host: "127.0.0.1", port: 0, hmr: false, watch: null },
  });
  await server.listen();
  const executablePath = findChromium();
  const browser = await chromium.launch({ args: chromiumArgs, ...(executablePath ? { executablePath } : {}) });
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => process.stderr.write(`page: ${error.message}\n`));
    const device = await openPage(page, server);
    const rows: Row[] = [];
    for (const plan of sortedPlans()) rows.push({ plan, ...(await measure(page, plan)) });
    describe(`${manifest.name}, ${values.layers} layers`, device, browser.version());
    report(rows);
  } finally {
    await browser.close();
    await server.close();
  }
  reportFullModel();
}

async function openPage(page: Page, server: ViteDevServer): Promise<DeviceStatus> {
  await page.goto(new URL("bench/vram/index.html", server.resolvedUrls!.local[0]).href);
  await page.waitForFunction(() => "vram" in globalThis);
  const choice = {
    activations: values.activations as Activations,
    residentLayers: Number(values.resident ?? values.layers),
    dispatches: values.dry ? "left-out" : "run",
  } as const;
  const device = await page.evaluate(({ path, choice: wish }) => vram.open(new URL(path, location.href).href, wish), {
    path: PACK_PATH,
    choice,
  });
  if (device.activations !== choice.activations) process.stderr.write(`${device.activations}: ${device.reason}\n`);
  return device;
}

async function measure(page: Page, plan: string): Promise<Measurement> {
  process.stderr.write(`${plan}\n`);
  return page.evaluate(({ lengths, chunkTokens }) => vram.measure(lengths, chunkTokens), {
    lengths: lengthsOf(plan),
    chunkTokens: Number(values.chunk),
  });
}

/** The longest text last: RoPE tables stay, so those of a longer text would be counted with a shorter one. */
function sortedPlans(): string[] {
  const longest = (plan: string): number => Math.max(...lengthsOf(plan));
  return values.plans.split(",").sort((a, b) => longest(a) - longest(b));
}

function lengthsOf(plan: string): number[] {
  return plan.split("+").flatMap((part) => {
    const [count, length = count] = part.split("x").map(Number) as [number, number?];
    return part.includes("x") ? Array<number>(count).fill(length) : [length];
  });
}

function describe(pack: string, { adapter, activations }: DeviceStatus, version: string): void {
  const gpu = [adapter?.vendor, adapter?.architecture, adapter?.description].filter(Boolean).join(" ");
  const resident = values.resident === undefined ? "" : `, ${values.resident} of them resident`;
  const dry = values.dry ? "; dispatches left out" : "";
  console.log(
    `${pack}${resident}, ${activations}, ${values.chunk} tokens a run${dry}; ` +
      `Chromium ${version}, ${gpu}, ${cpus().length} × ${cpus()[0]?.model}; MiB\n`,
  );
}

function report(rows: readonly Row[]): void {
  table(
    ["texts (tokens)", "runs a layer", "predicted", "measured peak", "ratio", ...USES, "s"],
    rows.map(({ plan, chunks, predictedBytes, measuredBytes, predicted, measured, milliseconds }) => [
      plan.replaceAll("x", " × "),
      chunks,
      mib(predictedBytes),
      mib(measuredBytes),
      (predictedBytes / measuredBytes).toFixed(3),
      ...USES.map((use) => `${mib(predicted[use])} / ${mib(measured[use])}`),
      (milliseconds / 1000).toFixed(1),
    ]),
  );
  const ratios = rows.map(({ predictedBytes, measuredBytes }) => predictedBytes / measuredBytes);
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  console.log(
    `\nPredicted ÷ measured: ${least.toFixed(3)} to ${most.toFixed(3)}; by use: predicted / largest measured.`,
  );
}

/** 32,768 tokens of the 4B shape in 4 bits, by the model alone. */
function reportFullModel(): void {
  const rows = (["f16", "f32"] as const).flatMap((activations) =>
    [512, 4096].flatMap((chunkTokens) => {
      const { model, pass } = fullModel(activations, chunkTokens);
      const gib = (residentLayers: number, slots: number) =>
        (totalBytes({ ...pass, weights: model.weights({ residentLayers, slots }) }) / 2 ** 30).toFixed(2);
      return [[activations, chunkTokens, gib(model.shape.architecture.num_hidden_layers, 0), gib(0, 2)]];
    }),
  );
  console.log("\n32,768 tokens of the 4B shape, 4 bit, by the model; GiB\n");
  table(["activations", "tokens a run", "all layers resident", "streamed through 2 slots"], rows);
}

function fullModel(activations: Activations, chunkTokens: number) {
  const { architecture } = SHAPES["4b"];
  const floatBytes = activations === "f32" ? 4 : 2;
  const layerBytes = layerTensorSpecs(architecture, 4).reduce(
    (sum, { dtype, shape }) => sum + shape.reduce((a, b) => a * b, dtype === "uint8" ? 1 : floatBytes),
    0,
  );
  const model = new CostModel({ architecture, activations, bits: 4, kind: "webgpu", layerBytes });
  const chunks = Array.from({ length: 32_768 / chunkTokens }, (_, i): Chunk => {
    return {
      slices: [{ sequence: 0, start: i * chunkTokens, length: chunkTokens }],
      tokenCount: chunkTokens,
      sliced: true,
    };
  });
  return { model, pass: model.pass(chunks) };
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const lines = [head, head.map(() => "---"), ...rows];
  console.log(lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n"));
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(bytes < 10 * MIB ? 2 : 1);
}
