/** @file `manifest.json`: what a pack must look like, and the check of one that nobody vouches for. Pure. */

import type { EmbedError } from "../errors.ts";
import type {
  Architecture,
  GoldenVector,
  LayerGraphs,
  PackDtype,
  PackFile,
  PackManifest,
  PackTensor,
  Prompts,
  TokenTableLayout,
  WeightBits,
} from "../pack.ts";
import { Field } from "./field.ts";

/** Bytes under one hash: what is read again after a fault, and the most that is hashed at once. */
export const BLOCK_BYTES = 16 * 1024 * 1024;

/** Offsets of tensors are multiples of this: WebGPU's default `minStorageBufferOffsetAlignment`. */
export const TENSOR_ALIGNMENT = 256;

/** Inputs that share a scale; `MatMulNBits` runs its fast kernels with 32 only. */
const QUANT_BLOCK = 32;

/** A file is read into one ArrayBuffer; a 16-bit layer of the 8B model takes 386 MB. */
const MAX_FILE_BYTES = 1024 * 1024 * 1024;
/** The 8B model in 16 bits has 36 layers, 19 pieces of token table and ten other files. */
const MAX_FILES = 1024;
/** Parsed into objects several times their size; Qwen3's `tokenizer.json` takes 11 MB. */
const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;
/** A layer graph holds no weights: tens of KB. */
const MAX_GRAPH_BYTES = 1024 * 1024;
/** The self-check runs them all at load. */
const MAX_GOLDEN = 64;
/** Some way above the largest Qwen3 (64 layers, hidden 5120, vocabulary 151,936), far below overflow of a product. */
const MAX_LAYERS = 256;
const MAX_HEADS = 256;
const MAX_HEAD_DIM = 1024;
const MAX_WIDTH = 65_536;
const MAX_VOCAB = 1_048_576;
/** The longest context of any Qwen3, with YaRN. */
const MAX_POSITIONS = 131_072;
/** Names, prompts, revisions: a line or a few. */
const MAX_LINE_CHARS = 4096;
const MAX_TEXT_CHARS = 1_000_000;
/** Rounding of printed components moves the norm of a unit vector far less. */
const UNIT_NORM_TOLERANCE = 1e-3;

const WEIGHT_BITS = [4, 8, 16] as const;
const DTYPE_BYTES: Readonly<Record<PackDtype, number>> = { uint8: 1, float16: 2 };
const SHA256 = /^[0-9a-f]{64}$/;
/** Neither a path nor a URL, and a legal name in OPFS and on every file system. */
const FILE_NAME = /^(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/;

/** A tensor that the layer graph asks for. */
export interface LayerTensorSpec {
  /** Input of the layer graph: `ln1.w`, `q.q`, `q.s`, `q.w`, … */
  readonly input: string;
  readonly dtype: PackDtype;
  readonly shape: readonly number[];
}

/**
 * Weights of one layer in the order of the layer graph's inputs. A linear layer of N outputs and K inputs is
 * `.q` uint8 `[N, K/32, 4 · bits]` and `.s` float16 `[N · K/32]`, or with 16 bits `.w` float16 `[K, N]`.
 */
export function layerTensorSpecs(architecture: Architecture, bits: WeightBits): readonly LayerTensorSpec[] {
  const { hidden_size: hidden, intermediate_size: intermediate, head_dim: headDim } = architecture;
  const queries = architecture.num_attention_heads * headDim;
  const keys = architecture.num_key_value_heads * headDim;
  return [
    norm("ln1.w", hidden),
    ...linear("q", [queries, hidden], bits),
    ...linear("k", [keys, hidden], bits),
    ...linear("v", [keys, hidden], bits),
    norm("qn.w", headDim),
    norm("kn.w", headDim),
    ...linear("o", [hidden, queries], bits),
    norm("ln2.w", hidden),
    ...linear("gate", [intermediate, hidden], bits),
    ...linear("up", [intermediate, hidden], bits),
    ...linear("down", [hidden, intermediate], bits),
  ];
}

function norm(input: string, size: number): LayerTensorSpec {
  return { input, dtype: "float16", shape: [size] };
}

function linear(name: string, [outputs, inputs]: readonly [number, number], bits: WeightBits): LayerTensorSpec[] {
  if (bits === 16) return [{ input: `${name}.w`, dtype: "float16", shape: [inputs, outputs] }];
  const blocks = inputs / QUANT_BLOCK;
  return [
    { input: `${name}.q`, dtype: "uint8", shape: [outputs, blocks, (QUANT_BLOCK * bits) / 8] },
    { input: `${name}.s`, dtype: "float16", shape: [outputs * blocks] },
  ];
}

/** Bytes of one row of the token table: its codes, then its float16 block scales. */
export function tokenRowBytes(hiddenSize: number, bits: WeightBits): number {
  const codes = (hiddenSize * bits) / 8;
  return bits === 16 ? codes : codes + (hiddenSize / QUANT_BLOCK) * DTYPE_BYTES.float16;
}

/**
 * Checks a parsed `manifest.json` from anywhere, before anything is allocated for it. What it returns is a copy
 * of the known fields alone, in which every number that sizes or places something has been proven consistent.
 *
 * @throws {EmbedError} `model-corrupt`, with the path and the offending value in the message and in `details`.
 */
export function parseManifest(json: unknown): PackManifest {
  const root = new Field(json);
  const format = root.get("format").oneOf(["strata-pack"]);
  const version = root.get("version").oneOf([1]);
  const architecture = parseArchitecture(root.get("architecture"));
  const bits = root.get("quantization").get("bits").oneOf(WEIGHT_BITS);
  const block = root.get("quantization").get("block").oneOf([QUANT_BLOCK]);
  if (bits !== 16) checkBlocks(root.get("architecture"), architecture);
  const files = parseFiles(root.get("files"));
  const maxTokens = root.get("maxTokens").integer(2, architecture.max_position_embeddings);
  const endTokenId = root.get("endTokenId").integer(0, architecture.vocab_size - 1);
  const dimensions = parseDimensions(root.get("dimensions"), architecture.hidden_size);
  return {
    format,
    version,
    name: root.get("name").text(1, MAX_LINE_CHARS),
    source: parseSource(root.get("source")),
    architecture,
    quantization: { bits, block },
    pooling: root.get("pooling").oneOf(["last-token"]),
    prompts: parsePrompts(root.get("prompts")),
    endTokenId,
    padTokenId: root.get("padTokenId").integer(0, architecture.vocab_size - 1),
    maxTokens,
    dimensions,
    tokenizer: parseTokenizer(root.get("tokenizer"), files),
    graphs: {
      f32: parseGraphs(root.get("graphs").get("f32"), files),
      f16: parseGraphs(root.get("graphs").get("f16"), files),
    },
    tokenTable: parseTokenTable(root.get("tokenTable"), files, architecture),
    files: [...files.values()],
    tensors: parseTensors(root.get("tensors"), files, { architecture, bits }),
    golden: root
      .get("golden")
      .items(1, MAX_GOLDEN)
      .map((item) => parseGolden(item, { maxTokens, endTokenId, dimensions, vocabSize: architecture.vocab_size })),
  };
}

function parseArchitecture(field: Field): Architecture {
  const heads = field.get("num_attention_heads").integer(1, MAX_HEADS);
  const kvHeads = field.get("num_key_value_heads").integer(1, heads);
  if (heads % kvHeads !== 0) throw field.get("num_key_value_heads").error(`a divisor of ${heads} attention heads`);
  const headDim = field.get("head_dim").integer(2, MAX_HEAD_DIM);
  if (headDim % 2 !== 0) throw field.get("head_dim").error("even, for RoPE turns pairs");
  return {
    hidden_size: field.get("hidden_size").integer(1, MAX_WIDTH),
    num_hidden_layers: field.get("num_hidden_layers").integer(1, MAX_LAYERS),
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
    intermediate_size: field.get("intermediate_size").integer(1, MAX_WIDTH),
    rms_norm_eps: field.get("rms_norm_eps").number(1e-12, 1e-2),
    rope_theta: field.get("rope_theta").number(1, 1e12),
    vocab_size: field.get("vocab_size").integer(1, MAX_VOCAB),
    max_position_embeddings: field.get("max_position_embeddings").integer(2, MAX_POSITIONS),
  };
}

/** Every row that is quantised is a whole number of blocks. */
function checkBlocks(field: Field, architecture: Architecture): void {
  const requirement = `a multiple of the block of ${QUANT_BLOCK}`;
  for (const name of ["hidden_size", "intermediate_size"] as const) {
    if (architecture[name] % QUANT_BLOCK !== 0) throw field.get(name).error(requirement);
  }
  if ((architecture.num_attention_heads * architecture.head_dim) % QUANT_BLOCK !== 0) {
    throw field.get("head_dim").error(`${requirement} when taken ${architecture.num_attention_heads} times`);
  }
}

function parseDimensions(field: Field, hiddenSize: number): PackManifest["dimensions"] {
  const max = field.get("max").integer(1, hiddenSize);
  return { min: field.get("min").integer(1, max), max };
}

function parseSource(field: Field): PackManifest["source"] {
  const hashes = field.get("sha256").entries(MAX_FILES);
  return {
    repo: field.get("repo").text(1, MAX_LINE_CHARS),
    revision: field.get("revision").text(1, MAX_LINE_CHARS),
    sha256: Object.fromEntries(hashes.map(([name, hash]) => [name, parseHash(hash)])),
  };
}

function parsePrompts(field: Field): Prompts {
  const query = field.get("query").text(1, MAX_LINE_CHARS);
  const document = field.get("document").text(1, MAX_LINE_CHARS);
  if (!query.includes("{instruction}") || !query.includes("{text}")) {
    throw field.get("query").error("a template with {instruction} and {text}");
  }
  if (!document.includes("{text}")) throw field.get("document").error("a template with {text}");
  return { query, document, defaultInstruction: field.get("defaultInstruction").text(0, MAX_LINE_CHARS) };
}

function parseHash(field: Field): string {
  return field.matching(SHA256, "a SHA-256 as 64 lower-case hexadecimal digits");
}

type Files = ReadonlyMap<string, PackFile>;

function parseFiles(field: Field): Files {
  const files = new Map<string, PackFile>();
  const taken = new Set(["manifest.json"]);
  for (const item of field.items(1, MAX_FILES)) {
    const file = parseFile(item);
    // Names that differ in case alone are one file on some disks.
    const folded = file.name.toLowerCase();
    if (taken.has(folded)) throw item.get("name").error("unlike every other file's name and manifest.json");
    taken.add(folded);
    files.set(file.name, file);
  }
  return files;
}

function parseFile(field: Field): PackFile {
  const name = field.get("name").matching(FILE_NAME, "a plain file name: letters, digits, single dots, - and _");
  const bytes = field.get("bytes").integer(1, MAX_FILE_BYTES);
  const sha256 = parseHash(field.get("sha256"));
  const count = Math.ceil(bytes / BLOCK_BYTES);
  const blocks = field.get("blocks").items(count, count).map(parseHash);
  if (count === 1 && blocks[0] !== sha256)
    throw field.get("blocks").error("the file's own sha256 when it is one block");
  return { name, bytes, sha256, blocks };
}

/** The name of a file of the pack of at most `maxBytes`. */
function fileName(field: Field, files: Files, maxBytes: number): string {
  return fileOf(field, files, maxBytes).name;
}

function fileOf(field: Field, files: Files, maxBytes = MAX_FILE_BYTES): PackFile {
  const file = files.get(field.text(1, MAX_LINE_CHARS));
  if (!file) throw field.error("the name of one of files");
  if (file.bytes > maxBytes) throw field.error(`a file of at most ${maxBytes} bytes, it has ${file.bytes}`);
  return file;
}

function parseGraphs(graphs: Field, files: Files): LayerGraphs {
  return {
    whole: fileName(graphs.get("whole"), files, MAX_GRAPH_BYTES),
    sliced: fileName(graphs.get("sliced"), files, MAX_GRAPH_BYTES),
  };
}

function parseTokenizer(field: Field, files: Files): PackManifest["tokenizer"] {
  if (field.isNull()) return null;
  return {
    model: fileName(field.get("model"), files, MAX_TOKENIZER_BYTES),
    config: fileName(field.get("config"), files, MAX_TOKENIZER_BYTES),
  };
}

function parseTokenTable(field: Field, files: Files, architecture: Architecture): TokenTableLayout {
  const { hidden_size: hidden, vocab_size: vocab } = architecture;
  const bits = field.get("bits").oneOf(WEIGHT_BITS);
  if (bits !== 16 && hidden % QUANT_BLOCK !== 0) throw field.get("bits").error(`16 for a hidden_size of ${hidden}`);
  const rowBytes = field.get("rowBytes").oneOf([tokenRowBytes(hidden, bits)]);
  const rowsPerFile = field.get("rowsPerFile").integer(1, vocab);
  const count = Math.ceil(vocab / rowsPerFile);
  const names = field
    .get("files")
    .items(count, count)
    .map((item, index) => {
      const rows = Math.min(rowsPerFile, vocab - index * rowsPerFile);
      const file = fileOf(item, files);
      if (file.bytes !== rows * rowBytes) {
        throw item.error(`a file of ${rows} rows of ${rowBytes} bytes, it has ${file.bytes} bytes`);
      }
      return file.name;
    });
  if (new Set(names).size !== count) throw field.get("files").error("without repetition");
  return { bits, rowBytes, rowsPerFile, files: names };
}

interface WeightShape {
  readonly architecture: Architecture;
  readonly bits: WeightBits;
}

function parseTensors(field: Field, files: Files, { architecture, bits }: WeightShape): PackTensor[] {
  const wanted = new Map<string, LayerTensorSpec>([["final.norm", norm("norm", architecture.hidden_size)]]);
  const specs = layerTensorSpecs(architecture, bits);
  for (let layer = 0; layer < architecture.num_hidden_layers; layer++) {
    for (const spec of specs) wanted.set(`layers.${layer}.${spec.input}`, spec);
  }
  const items = field.items(1, wanted.size);
  const tensors = items.map((item) => {
    const name = item.get("name").text(1, MAX_LINE_CHARS);
    const spec = wanted.get(name);
    if (!spec) throw item.get("name").error("a tensor of the layer graph or final.norm, named once");
    wanted.delete(name);
    return parseTensor(item, files, { name, spec });
  });
  const [missing] = wanted.keys();
  if (missing !== undefined) throw field.error(`complete, ${missing} is missing`);
  checkPlacement(items, tensors);
  return tensors;
}

interface NamedSpec {
  readonly name: string;
  readonly spec: LayerTensorSpec;
}

function parseTensor(field: Field, files: Files, { name, spec }: NamedSpec): PackTensor {
  const dtype = field.get("dtype").oneOf([spec.dtype]);
  const rank = spec.shape.length;
  const dims = field.get("shape").items(rank, rank);
  const shape = dims.map((item, axis) => item.oneOf(spec.shape.slice(axis, axis + 1)));
  const size = shape.reduce((product, dim) => product * dim, DTYPE_BYTES[dtype]);
  const bytes = field.get("bytes").oneOf([size]);
  const file = fileOf(field.get("file"), files);
  const offset = field.get("offset").integer(0, file.bytes);
  if (offset % TENSOR_ALIGNMENT !== 0) throw field.get("offset").error(`a multiple of ${TENSOR_ALIGNMENT}`);
  if (offset + bytes > file.bytes) {
    throw field
      .get("offset")
      .error(`at most ${file.bytes - bytes} for ${bytes} bytes of the ${file.bytes} in ${file.name}`);
  }
  return { name, dtype, shape, file: file.name, offset, bytes };
}

/** A layer is one file and one read: its tensors lie together, nobody else's with them, and none over another. */
function checkPlacement(items: readonly Field[], tensors: readonly PackTensor[]): void {
  const fileByLayer = new Map<string, string>();
  const layerByFile = new Map<string, string>();
  tensors.forEach((tensor, index) => {
    const layer = tensor.name.slice(0, tensor.name.indexOf(".", "layers.".length));
    const owner = tensor.name === "final.norm" ? tensor.name : layer;
    if ((fileByLayer.get(owner) ?? tensor.file) !== tensor.file || (layerByFile.get(tensor.file) ?? owner) !== owner) {
      throw items[index]!.get("file").error(`a file of ${owner} alone, and the only one`);
    }
    fileByLayer.set(owner, tensor.file);
    layerByFile.set(tensor.file, owner);
  });
  const order = tensors.map((tensor, index) => ({ ...tensor, index }));
  order.sort((a, b) => (a.file === b.file ? a.offset - b.offset : a.file < b.file ? -1 : 1));
  order.forEach((tensor, at) => {
    const next = order[at + 1];
    if (next?.file === tensor.file && next.offset < tensor.offset + tensor.bytes) throw overlap(items, next, tensor);
  });
}

function overlap(items: readonly Field[], next: { index: number }, before: PackTensor): EmbedError {
  return items[next.index]!.get("offset").error(`after the end of ${before.name} at ${before.offset + before.bytes}`);
}

interface GoldenLimits {
  readonly maxTokens: number;
  readonly vocabSize: number;
  readonly endTokenId: number;
  readonly dimensions: { readonly min: number; readonly max: number };
}

function parseGolden(field: Field, limits: GoldenLimits): GoldenVector {
  const ids = field.get("inputIds").items(1, limits.maxTokens);
  const inputIds = ids.map((id) => id.integer(0, limits.vocabSize - 1));
  if (inputIds.at(-1) !== limits.endTokenId) throw ids.at(-1)!.error(`the end token ${limits.endTokenId}`);
  const dimensions = field.get("dimensions").integer(limits.dimensions.min, limits.dimensions.max);
  const components = field.get("vector").items(dimensions, dimensions);
  const vector = components.map((component) => component.number(-2, 2));
  const length = Math.sqrt(vector.reduce((sum, component) => sum + component * component, 0));
  if (Math.abs(length - 1) > UNIT_NORM_TOLERANCE) throw field.get("vector").error(`of length 1, it has ${length}`);
  const role = field.get("role").oneOf(["query", "document"]);
  const answer = { role, inputIds, dimensions, vector };
  return field.has("text") ? { ...answer, text: field.get("text").text(0, MAX_TEXT_CHARS) } : answer;
}
