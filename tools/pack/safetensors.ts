/** @file Headers of a folder's `*.safetensors`: which tensor lies where. Reads headers only. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { EmbedError } from "../../src/errors.ts";
import { corruptTensor, type SourceTensor } from "./checked-tensors.ts";
import { readAt, readText } from "./file-ranges.ts";
import { duplicateKey } from "./json-keys.ts";
import { cut, show } from "./show.ts";

/**
 * A header of 100,000 tensors takes 12 MB, Qwen3's 40 KB. The reference implementation takes 100 MB, but JavaScript
 * would make several GB of objects of that much junk.
 */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;
/** The deepest Qwen3 has about 1,200, and no checkpoint comes in more files than tensors. */
const MAX_TENSORS = 16_384;
/** Weights have one or two. */
const MAX_DIMENSIONS = 8;
const INDEX = "model.safetensors.index.json";

/**
 * Weight files of a folder: those that the index names, else every `*.safetensors`.
 *
 * @returns File names, sorted.
 * @throws {EmbedError} `model-not-found` when there are none or one is missing, `model-corrupt` for a broken index.
 */
export function weightFiles(folder: string): string[] {
  const index = join(folder, INDEX);
  const names = existsSync(index)
    ? [...new Set(Object.values(weightMap(index)))]
    : readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
  if (names.length === 0) throw new EmbedError("model-not-found", `${folder} holds no *.safetensors`);
  return names.sort();
}

function weightMap(path: string): Record<string, string> {
  const text = readText(path, MAX_HEADER_BYTES);
  let map: unknown;
  try {
    map = (JSON.parse(text) as { weight_map?: unknown }).weight_map;
  } catch (cause) {
    throw new EmbedError("model-corrupt", `${INDEX} is not JSON`, { cause });
  }
  if (typeof map !== "object" || map === null) throw new EmbedError("model-corrupt", `${INDEX} has no weight_map`);
  refuseDuplicates(text, INDEX);
  for (const [tensor, name] of Object.entries(map)) {
    if (typeof name !== "string" || /[/\\]/.test(name) || !name.endsWith(".safetensors")) {
      throw new EmbedError("model-corrupt", `${INDEX}: tensor ${cut(tensor)} is said to lie in ${show(name)}`);
    }
    if (!existsSync(join(path, "..", name))) {
      throw new EmbedError("model-not-found", `${INDEX}: tensor ${cut(tensor)} lies in ${cut(name)}, which is missing`);
    }
  }
  return map as Record<string, string>;
}

/**
 * All tensors of the files.
 *
 * @throws {EmbedError} `model-corrupt`, with the tensor's name, where a header does not describe its file.
 */
export function readHeaders(paths: readonly string[]): SourceTensor[] {
  const seen = new Map<string, string>();
  return paths.flatMap((path) => {
    const tensors = readHeader(path);
    for (const { name } of tensors) {
      if (seen.has(name)) throw corruptTensor(name, `is in ${String(seen.get(name))} and in ${path}`);
      seen.set(name, path);
    }
    return tensors;
  });
}

function readHeader(path: string): SourceTensor[] {
  const fileBytes = statSync(path).size;
  if (fileBytes < 8) throw new EmbedError("model-corrupt", `${path} is cut short`);
  const headerBytes = Number(Buffer.from(readAt(path, 0, 8).buffer).readBigUInt64LE());
  if (headerBytes > MAX_HEADER_BYTES || headerBytes + 8 > fileBytes) {
    const limits = `the limit is ${MAX_HEADER_BYTES}`;
    throw new EmbedError(
      "model-corrupt",
      `${path} of ${fileBytes} bytes states a header of ${headerBytes} bytes, ${limits}`,
    );
  }
  const header = Buffer.from(readAt(path, 8, headerBytes).buffer).toString("utf8");
  return parseHeader(header, { path, start: headerBytes + 8, fileBytes });
}

interface HeaderPlace {
  readonly path: string;
  /** Where tensor data begins. */
  readonly start: number;
  readonly fileBytes: number;
}

function parseHeader(text: string, { path, start, fileBytes }: HeaderPlace): SourceTensor[] {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw new EmbedError("model-corrupt", `the header of ${path} is not JSON`, { cause });
  }
  if (typeof header !== "object" || header === null) throw new EmbedError("model-corrupt", `${path} has no header`);
  refuseDuplicates(text, path);
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  if (entries.length > MAX_TENSORS) {
    throw new EmbedError("model-corrupt", `${path} states ${entries.length} tensors, the limit is ${MAX_TENSORS}`);
  }
  const tensors = entries
    .map(([name, entry]) => parseEntry(name, entry, { path, start, fileBytes }))
    .sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let end = start;
  for (const tensor of tensors) {
    // The reference implementation refuses gaps as well as overlaps.
    if (tensor.offset !== end)
      throw corruptTensor(tensor.name, `begins at byte ${tensor.offset} of ${path}, not at ${end}`);
    end += tensor.bytes;
  }
  if (end !== fileBytes)
    throw new EmbedError("model-corrupt", `${path} has ${fileBytes - end} bytes after its tensors`);
  return tensors;
}

/** What JSON.parse would settle in silence: the last one wins. */
function refuseDuplicates(json: string, path: string): void {
  const key = duplicateKey(json);
  if (key === null) return;
  const shown = show(key);
  throw new EmbedError("model-corrupt", `${path}: the key ${shown} is there twice`, { details: { key: shown } });
}

function parseEntry(name: string, entry: unknown, place: HeaderPlace): SourceTensor {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (typeof dtype !== "string" || !Array.isArray(shape) || !shape.every(isCount)) {
    throw corruptTensor(name, `has dtype ${show(dtype)} and shape ${show(shape)} in ${place.path}`);
  }
  if (shape.length > MAX_DIMENSIONS || !Number.isSafeInteger(shape.reduce((a, b) => a * b, 1))) {
    throw corruptTensor(name, `has the impossible shape ${show(shape)} in ${place.path}`);
  }
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? (offsets as unknown[]) : [];
  if (!isCount(begin) || !isCount(end) || begin > end) {
    throw corruptTensor(name, `has data_offsets ${show(offsets)} in ${place.path}`);
  }
  if (place.start + end > place.fileBytes) {
    throw corruptTensor(name, `ends at byte ${place.start + end} of ${place.path}, which has ${place.fileBytes}`);
  }
  return { name, path: place.path, dtype, shape, offset: place.start + begin, bytes: end - begin };
}
