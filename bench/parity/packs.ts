/** @file The packs of the parity table, and the weights that they were made from. Node only. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "../../src/model/manifest.ts";
import type { PackManifest, WeightBits } from "../../src/pack.ts";
import { createTokenizer, type TextTokenizer } from "../../src/tokenize/tokenizer.ts";
import { NANO_PACK, NANO_SOURCE, TOKENIZER_SOURCE } from "../../tools/pack-nano.ts";
import { packTestModels } from "../../tools/pack-test-models.ts";
import { openSource } from "../../tools/pack/source.ts";
import { note } from "../harness/browser.ts";
import { hashOf, type NamedWeights } from "../harness/float64-references.ts";
import { sourceWeights } from "../../tools/pack/weights.ts";

export const ALL_BITS: readonly WeightBits[] = [4, 8, 16];

export interface ParityPack {
  readonly bits: WeightBits;
  readonly folder: string;
  readonly manifest: PackManifest;
}

/** A pack, or the reason why there is none. */
export type PackOrReason = ParityPack | { readonly bits: WeightBits; readonly missing: string };

/** In 4 bits the built-in pack; the others are made of the source beside the checkout, once, into `test-packs/`. */
export async function parityPacks(widths: readonly WeightBits[]): Promise<PackOrReason[]> {
  if (widths.some((bits) => bits !== 4) && existsSync(NANO_SOURCE)) await packTestModels();
  return widths.map((bits) => {
    const folder = bits === 4 ? NANO_PACK : `test-packs/nano-q${bits}`;
    if (existsSync(join(folder, "manifest.json"))) return { bits, folder, manifest: readManifest(folder) };
    const missing = `no nano pack in ${bits} bits: the weights to make it from are not beside this checkout`;
    note(missing);
    return { bits, missing };
  });
}

/** @throws {EmbedError} `model-corrupt`. */
export function readManifest(folder: string): PackManifest {
  return parseManifest(JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")));
}

/** The pack's own tokenizer. @throws {Error} For a pack without one. */
export function openPackTokenizer(folder: string): TextTokenizer {
  const manifest = readManifest(folder);
  if (!manifest.tokenizer) throw new Error(`${folder} has no tokenizer`);
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const { model, config } = manifest.tokenizer;
  return createTokenizer({ ...manifest, model: read(model), config: read(config) });
}

/** The unrounded weights, if they are here. @param pack - One that must have been made from them. */
export function unroundedSource(pack: PackManifest): NamedWeights | null {
  if (!existsSync(NANO_SOURCE)) {
    note("no comparison with the unrounded weights: they are not beside this checkout");
    return null;
  }
  const source = openSource(NANO_SOURCE, TOKENIZER_SOURCE);
  const weights = Object.entries(source.inputs).filter(([name]) => name.endsWith(".safetensors"));
  for (const [name, path] of weights) {
    if (createHash("sha256").update(readFileSync(path)).digest("hex") === pack.source.sha256[name]) continue;
    note(`no comparison with the unrounded weights: ${name} is not the file that the packs were made from`);
    return null;
  }
  const hash = hashOf(weights.map(([name]) => pack.source.sha256[name]).join());
  return { hash, open: (pool) => sourceWeights(source, pool) };
}
