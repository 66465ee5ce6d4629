/** @file Which weight goes where: architecture and bits → files, tensors and the parts to be written. Pure. */
import type { Architecture, PackDtype, PackTensor, TokenTableLayout, WeightBits } from "../../src/pack.ts";
import { BLOCK } from "./quantize.ts";

/** Names of a checkpoint, without the prefix `model.`. */
export const SOURCE_TABLE = "embed_tokens.weight";
export const SOURCE_FINAL_NORM = "norm.weight";

/** WebGPU binds storage buffers at multiples of 256 bytes, so a layer file is one upload. */
const ALIGNMENT = 256;
/** Embedding files are downloaded and checked one by one; 64 MiB is a bearable unit to lose and fetch again. */
const MAX_TABLE_FILE_BYTES = 64 * 1024 * 1024;

/** A weight of one layer: a vector (norms) or a matrix `[N, K]`. */
export interface LayerWeight {
  /** Input of the layer graph; matrices without `.q`, `.s` or `.w`. */
  readonly input: string;
  readonly source: string;
  readonly shape: readonly number[];
}

/**
 * How a source tensor is stored. `half`: float16, row-major. `half-transposed`: float16 `[K, N]`. `blocks`: codes,
 * and scales elsewhere. `table`: each row's codes, then its scales.
 */
export type PartForm = "half" | "half-transposed" | "blocks" | "table";

/** Some rows of a source tensor and their place in a pack file. */
export interface Part {
  readonly form: PartForm;
  readonly bits: WeightBits;
  readonly source: string;
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: number;
  readonly offset: number;
  /** Of the first scale; only `blocks`. */
  readonly scalesOffset: number;
}

export interface PlannedFile {
  readonly name: string;
  readonly bytes: number;
  readonly parts: readonly Part[];
}

export interface PackLayout {
  readonly files: readonly PlannedFile[];
  readonly tensors: readonly PackTensor[];
  readonly tokenTable: TokenTableLayout;
}

/** The weights of one layer, in the order of their use. */
export function layerWeights(architecture: Architecture, layer: number): LayerWeight[] {
  const { hidden_size: hidden, intermediate_size: intermediate, head_dim: headDim } = architecture;
  const heads = architecture.num_attention_heads * headDim;
  const kvHeads = architecture.num_key_value_heads * headDim;
  const weight = (input: string, module: string, shape: readonly number[]) => ({
    input,
    source: `layers.${layer}.${module}.weight`,
    shape,
  });
  return [
    weight("ln1.w", "input_layernorm", [hidden]),
    weight("q", "self_attn.q_proj", [heads, hidden]),
    weight("k", "self_attn.k_proj", [kvHeads, hidden]),
    weight("v", "self_attn.v_proj", [kvHeads, hidden]),
    weight("qn.w", "self_attn.q_norm", [headDim]),
    weight("kn.w", "self_attn.k_norm", [headDim]),
    weight("o", "self_attn.o_proj", [hidden, heads]),
    weight("ln2.w", "post_attention_layernorm", [hidden]),
    weight("gate", "mlp.gate_proj", [intermediate, hidden]),
    weight("up", "mlp.up_proj", [intermediate, hidden]),
    weight("down", "mlp.down_proj", [hidden, intermediate]),
  ];
}

/** Plans all weight files of a pack: layers, token table, final norm. */
export function planLayout(architecture: Architecture, bits: WeightBits, tableBits: WeightBits): PackLayout {
  const digits = Math.max(2, String(architecture.num_hidden_layers - 1).length);
  const files: PlannedFile[] = [];
  const tensors: PackTensor[] = [];
  for (let layer = 0; layer < architecture.num_hidden_layers; layer++) {
    const writer = new FileWriter(`layer-${String(layer).padStart(digits, "0")}.bin`, bits);
    for (const weight of layerWeights(architecture, layer)) writer.add(`layers.${layer}.${weight.input}`, weight);
    files.push(writer.file());
    tensors.push(...writer.tensors);
  }
  const { table, tableFiles } = planTable(architecture, tableBits);
  const final = new FileWriter("final.bin", bits);
  final.add("final.norm", { source: SOURCE_FINAL_NORM, shape: [architecture.hidden_size] });
  return {
    files: [...files, ...tableFiles, final.file()],
    tensors: [...tensors, ...final.tensors],
    tokenTable: table,
  };
}

/** Lays tensors into one file, each at a multiple of 256 bytes. */
class FileWriter {
  readonly tensors: PackTensor[] = [];
  readonly #parts: Part[] = [];
  readonly #name: string;
  readonly #bits: WeightBits;
  #end = 0;

  constructor(name: string, bits: WeightBits) {
    this.#name = name;
    this.#bits = bits;
  }

  add(name: string, { source, shape }: Pick<LayerWeight, "source" | "shape">): void {
    const part = { source, bits: this.#bits, firstRow: 0, scalesOffset: 0 };
    const [rows, columns] = [shape[0]!, shape[1]];
    if (columns === undefined) {
      const offset = this.#place(name, "float16", shape);
      this.#parts.push({ ...part, form: "half", bits: 16, rows: 1, columns: rows, offset });
    } else if (this.#bits === 16) {
      const offset = this.#place(`${name}.w`, "float16", [columns, rows]);
      this.#parts.push({ ...part, form: "half-transposed", rows, columns, offset });
    } else {
      const blocks = columns / BLOCK;
      const offset = this.#place(`${name}.q`, "uint8", [rows, blocks, (BLOCK * this.#bits) / 8]);
      const scalesOffset = this.#place(`${name}.s`, "float16", [rows * blocks]);
      this.#parts.push({ ...part, form: "blocks", rows, columns, offset, scalesOffset });
    }
  }

  #place(name: string, dtype: PackDtype, shape: readonly number[]): number {
    const offset = this.#end;
    const bytes = shape.reduce((a, b) => a * b, dtype === "uint8" ? 1 : 2);
    this.tensors.push({ name, dtype, shape, file: this.#name, offset, bytes });
    this.#end = Math.ceil((offset + bytes) / ALIGNMENT) * ALIGNMENT;
    return offset;
  }

  file(): PlannedFile {
    return { name: this.#name, bytes: this.#end, parts: this.#parts };
  }
}

function planTable(architecture: Architecture, bits: WeightBits) {
  const { vocab_size: vocabulary, hidden_size: columns } = architecture;
  const rowBytes = bits === 16 ? columns * 2 : (columns * bits) / 8 + (columns / BLOCK) * 2;
  const rowsPerFile = Math.min(vocabulary, Math.floor(MAX_TABLE_FILE_BYTES / rowBytes));
  const tableFiles: PlannedFile[] = [];
  for (let firstRow = 0; firstRow < vocabulary; firstRow += rowsPerFile) {
    const rows = Math.min(rowsPerFile, vocabulary - firstRow);
    const form = bits === 16 ? "half" : "table";
    const part: Part = { form, bits, source: SOURCE_TABLE, firstRow, rows, columns, offset: 0, scalesOffset: 0 };
    tableFiles.push({ name: `embedding-${tableFiles.length}.bin`, bytes: rows * rowBytes, parts: [part] });
  }
  const table: TokenTableLayout = { bits, rowBytes, rowsPerFile, files: tableFiles.map((file) => file.name) };
  return { table, tableFiles };
}
