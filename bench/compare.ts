/**
 * @file `npm run bench`: Strata beside transformers.js, the same weights, texts and browser, in turn. Writes a result
 * to bench/results; `npm run bench:docs` makes docs/benchmarks.md of it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EmbedError } from "../src/errors.ts";
import { parseManifest } from "../src/model/manifest.ts";
import type { PackManifest } from "../src/pack.ts";
import { exportModel } from "../tools/export/export-model.ts";
import { parseDtypes, type ExportDtype } from "../tools/export/export-dtypes.ts";
import { compareAll, type CompareChoice } from "./compare/compare-all.ts";
import { WORKLOAD_KINDS } from "./compare/workloads.ts";
import { note } from "./harness/browser.ts";
import { adapterSlug, writeResult } from "./report/frame.ts";

const USAGE = `Usage: npm run bench -- [options]

Strata and transformers.js in one Chromium, on the same weights and the same texts, in turn.

  --size small|cpu|full     small ends in ten minutes on software WebGPU, cpu in a quarter of an hour on WebAssembly,
                            full is for GPUs (STRATA_GPU=1) (default: small)
  --device webgpu|wasm      (default: wasm for cpu, else webgpu)
  --only KIND,…             of ${WORKLOAD_KINDS.join(", ")}
  --rounds N                timed ones (default: of the size)
  --model PACK              folder of a pack (default: the built-in nano)
  --export DIR              what npm run export made of the same weights (default: made of the pack, in test-packs)
  --dtype DTYPE             of the export: fp32, fp16, q8, q4, q4f16 (default: the pack's bits and the activations)
  --activations f32|f16     of Strata (default: f32)
  --peer-device own|no-subgroups  of transformers.js: as ONNX Runtime asks for it, or one that gives right vectors where
                            subgroups are narrower than 16 (default: own)
  --reference-tokens N      texts beyond so many tokens are not checked against float64 (default: 60000)
  --patience S              longest wait for one call, in seconds (default: 600)
  --out PATH                folder or file of the result (default: bench/results)
  --help
`;

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "small" },
    device: { type: "string" },
    only: { type: "string" },
    rounds: { type: "string" },
    model: { type: "string", default: "public/models/nano-q4" },
    export: { type: "string" },
    dtype: { type: "string" },
    activations: { type: "string", default: "f32" },
    "peer-device": { type: "string", default: "own" },
    "reference-tokens": { type: "string", default: "60000" },
    patience: { type: "string", default: "600" },
    out: { type: "string" },
    help: { type: "boolean" },
  },
});

if (values.help) process.stdout.write(USAGE);
else await main();

async function main(): Promise<void> {
  const choice = await readChoice();
  const result = await compareAll(choice);
  const name = [
    adapterSlug(result.adapter),
    result.size,
    ...(choice.peerDevice === "own" ? [] : [choice.peerDevice]),
  ].join("-");
  const path = writeResult(result, `compare-${name}`, values.out);
  process.stdout.write(`${path}\nNow: npm run bench:docs\n`);
}

async function readChoice(): Promise<CompareChoice> {
  const size = oneOf("size", values.size, ["small", "cpu", "full"]);
  const device = oneOf("device", values.device ?? (size === "cpu" ? "wasm" : "webgpu"), ["webgpu", "wasm"]);
  const activations = oneOf("activations", values.activations, ["f32", "f16"]);
  const manifest = parseManifest(JSON.parse(readFileSync(join(values.model, "manifest.json"), "utf8")));
  const dtype = readDtype(manifest, activations);
  const only = values.only?.split(",").map((kind) => oneOf("only", kind, WORKLOAD_KINDS)) ?? WORKLOAD_KINDS;
  return {
    size,
    device,
    activations,
    dtype,
    peerDevice: oneOf("peer-device", values["peer-device"], ["own", "no-subgroups"]),
    only,
    ...(values.rounds !== undefined && { rounds: count("rounds", values.rounds) }),
    pack: values.model,
    manifest,
    exported: values.export ?? (await makeExport(manifest, dtype)),
    referenceTokens: count("reference-tokens", values["reference-tokens"]),
    patienceMs: count("patience", values.patience) * 1000,
    command: ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(" "),
  };
}

function readDtype(manifest: PackManifest, activations: "f32" | "f16"): ExportDtype {
  if (values.dtype !== undefined) return parseDtypes(values.dtype)[0]!;
  const byBits = { 4: ["q4", "q4f16"], 8: ["q8", "q8"], 16: ["fp32", "fp16"] } as const;
  return byBits[manifest.quantization.bits][activations === "f32" ? 0 : 1];
}

/** Made of the pack itself, so that both have the same integers; what is there already is kept. */
async function makeExport(manifest: PackManifest, dtype: ExportDtype): Promise<string> {
  const out = `test-packs/export-${manifest.name}-${manifest.quantization.bits}`;
  note(`export to ${out}`);
  await exportModel({ source: values.model, out, dtypes: [dtype] });
  return out;
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === value);
  if (found === undefined)
    throw new EmbedError("invalid-input", `--${option} is ${value}, not of ${allowed.join(", ")}`);
  return found;
}

function count(option: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new EmbedError("invalid-input", `--${option} is ${value}, not a whole number above 0`);
}
