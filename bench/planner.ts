/**
 * @file `npm run bench:planner`: what the planner promises, measured in Chromium: long texts, mixed lengths, queries
 * beside a bulk job, memory over thousands of batches, KV in one buffer, warm-up. Prints Markdown, each number with its limit.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packSynthetic } from "../tools/pack/synthetic-pack.ts";
import { describeMachine, note, withBrowser, withServer } from "./harness/browser.ts";
import { cutPack } from "./harness/cut-pack.ts";
import { table } from "./harness/markdown.ts";
import { servePack } from "./harness/serve-pack.ts";
import { kv } from "./planner/kv.ts";
import { long } from "./planner/long.ts";
import { mixed } from "./planner/mixed.ts";
import { queries } from "./planner/queries.ts";
import { packPath, type Section, type Setting } from "./planner/setting.ts";
import { SIZES, type SizeName } from "./planner/sizes.ts";
import { soak } from "./planner/soak.ts";
import { warmUp } from "./planner/warm-up.ts";

const SCENARIOS: Readonly<Record<string, (setting: Setting) => Promise<Section>>> = {
  long,
  mixed,
  queries,
  soak,
  kv,
  "warm-up": warmUp,
};

const USAGE = `Usage: npm run bench:planner -- [options]

  --only NAME,…            of ${Object.keys(SCENARIOS).join(", ")} (default: all)
  --size small|cpu|full    for software WebGPU, for WASM, for a GPU (default: small on webgpu, else cpu).
                           cpu takes an hour and more, half of it for the two times 32,768 tokens of "long"
  --device wasm|webgpu     (default: wasm; a real GPU needs STRATA_GPU=1)
  --pack DIR               instead of the built-in nano
  --layers N               run the pack's first N layers only (default: by the size)
  --rounds N               how often each side of a comparison is measured (default: 3)
  --out FILE               write the tables there (default: standard output)
`;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(SCENARIOS).join(",") },
    size: { type: "string" },
    device: { type: "string", default: "wasm" },
    pack: { type: "string", default: "public/models/nano-q4" },
    layers: { type: "string" },
    rounds: { type: "string", default: "3" },
    out: { type: "string" },
    help: { type: "boolean" },
  },
});

if (values.help) process.stdout.write(USAGE);
else await main();

async function main(): Promise<void> {
  const device = oneOf("device", values.device, ["wasm", "webgpu"] as const);
  const sizeNames = Object.keys(SIZES) as SizeName[];
  const size = oneOf("size", values.size ?? (device === "wasm" ? "cpu" : "small"), sizeNames);
  const names = values.only.split(",").map((name) => oneOf("only", name, Object.keys(SCENARIOS)));
  const scratch = mkdtempSync(join(tmpdir(), "strata-bench-"));
  try {
    const line = await packSynthetic({ shape: "line", bits: 16, embeddingBits: 16, out: scratch });
    const nano = await cutPack(values.pack, values.layers ? Number(values.layers) : SIZES[size].layers);
    const plugins = [servePack(values.pack, nano, packPath("nano")), servePack(scratch, line, packPath("line"))];
    const pages = ["bench/harness/index.html", "bench/planner/kv-page/index.html"];
    await withServer({ pages, plugins }, (server) =>
      withBrowser(async (browser) => {
        const [sizes, rounds] = [SIZES[size], Number(values.rounds)];
        const setting: Setting = { device, sizes, rounds, manifests: { nano, line }, server, browser, adapter: null };
        const sections: Section[] = [];
        for (const name of names) sections.push(await timed(name, () => SCENARIOS[name]!(setting)));
        const where = describeMachine(browser.version(), setting.adapter);
        print([
          `${device}, size ${size}; ${nano.name}, ${nano.quantization.bits} bit; ${where}`,
          ...sections.map(describe),
        ]);
      }),
    );
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function timed(name: string, scenario: () => Promise<Section>): Promise<Section> {
  const started = performance.now();
  const section = await scenario();
  note(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return section;
}

function describe({ title, checks, details }: Section): string {
  const rows = checks.map(({ what, measured, limit, passed }) => {
    return [what, measured, limit, passed === null ? "" : passed ? "pass" : "**falls short**"];
  });
  const results = checks.length > 0 ? [table(["what", "measured", "limit", ""], rows)] : [];
  return [`### ${title}`, ...results, ...details].join("\n\n");
}

function print(blocks: readonly string[]): void {
  const text = `${blocks.join("\n\n")}\n`;
  if (values.out === undefined) process.stdout.write(text);
  else writeFileSync(values.out, text);
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === value);
  if (found !== undefined) return found;
  throw new Error(`--${option} is ${value}, not one of ${allowed.join(", ")}`);
}
