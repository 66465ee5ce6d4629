/** @file What an export is made from, behind one interface: a pack's folder, or any model that `npm run pack` reads. Reads headers and small files. */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { EmbedError } from "../../src/errors.ts";
import { parseManifest } from "../../src/model/manifest.ts";
import type { Architecture, PackFile, WeightBits } from "../../src/pack.ts";
import { readText } from "../pack/file-ranges.ts";
import { openSource } from "../pack/source.ts";
import { packWeightRows, type WeightRows } from "./pack-weights.ts";

export interface ExportSource {
  readonly name: string;
  readonly architecture: Architecture;
  /** Of a pack; null for a model, whose weights take any form. */
  readonly packed: { readonly bits: WeightBits; readonly tableBits: WeightBits } | null;
  /** By the name of a checkpoint's tensor, without `model.`. */
  readonly weights: ReadonlyMap<string, readonly WeightRows[]>;
  /** Contents of `tokenizer.json` and `tokenizer_config.json`. */
  readonly tokenizer: { readonly model: string; readonly config: string } | null;
  readonly endTokenId: number;
  readonly padTokenId: number;
  readonly maxTokens: number;
  /** Every file that is read; name → path. */
  readonly inputs: Readonly<Record<string, string>>;
  /** SHA-256 that an input must have, hex by name; a model's files state none. */
  readonly expected: ReadonlyMap<string, string>;
  /** Where a model card and a licence may lie. */
  readonly folder: string;
}

/** A manifest names files and tensors; those of an 8B model take under 1 MB. */
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
/** What the runtime takes. */
const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;

/**
 * Opens and checks a pack's folder, a model's folder or a GGUF file.
 *
 * @param tokenizerFolder - Where the tokenizer lies when it is not the source's own.
 * @throws {EmbedError} `model-not-found`, `model-corrupt`, `invalid-input` for another architecture.
 */
export function openExportSource(path: string, tokenizerFolder: string | null): ExportSource {
  if (!existsSync(join(path, "manifest.json"))) return openModel(path, tokenizerFolder);
  if (tokenizerFolder) throw new EmbedError("invalid-input", `${path} is a pack, which has its own tokenizer or none`);
  return openPack(path);
}

function openModel(path: string, tokenizerFolder: string | null): ExportSource {
  const source = openSource(path, tokenizerFolder);
  const weights = [...source.tensors].map(([name, tensor]) => {
    const rows = tensor.shape.length === 1 ? 1 : tensor.shape[0]!;
    return [name, [{ place: { tensor }, firstRow: 0, rows }]] as const;
  });
  const folder = statSync(path).isDirectory() ? path : dirname(path);
  return { ...source, packed: null, weights: new Map(weights), expected: new Map(), folder };
}

function openPack(folder: string): ExportSource {
  const manifest = parseManifest(parseJson(readText(join(folder, "manifest.json"), MAX_MANIFEST_BYTES)));
  const { architecture, quantization, tokenTable, tokenizer, files } = manifest;
  const graphs = Object.values(manifest.graphs).flatMap((names) => Object.values(names));
  const wanted = files.filter(({ name }) => !graphs.includes(name));
  for (const file of wanted) checkSize(file, join(folder, file.name));
  const names = ["manifest.json", ...wanted.map(({ name }) => name)];
  const read = (name: string) => readText(join(folder, name), MAX_TOKENIZER_BYTES);
  return {
    name: manifest.name,
    architecture,
    packed: { bits: quantization.bits, tableBits: tokenTable.bits },
    weights: packWeightRows(manifest, folder),
    tokenizer: tokenizer && { model: read(tokenizer.model), config: read(tokenizer.config) },
    endTokenId: manifest.endTokenId,
    padTokenId: manifest.padTokenId,
    maxTokens: manifest.maxTokens,
    inputs: Object.fromEntries(names.map((name) => [name, join(folder, name)])),
    expected: new Map(wanted.map(({ name, sha256 }) => [name, sha256])),
    folder,
  };
}

function checkSize({ name, bytes }: PackFile, path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new EmbedError("model-not-found", `${path} is missing`);
  if (stat.size === bytes) return;
  const what = `${name} has ${stat.size} bytes, the manifest says ${bytes}`;
  throw new EmbedError("model-corrupt", what, { details: { file: name } });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EmbedError("model-corrupt", "manifest.json is not JSON", { cause });
  }
}
