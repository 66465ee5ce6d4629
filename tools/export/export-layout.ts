/** @file Which weights an export holds, in which form, and where in which file. Pure. */
import { EmbedError } from "../../src/errors.ts";
import type { Architecture, WeightBits } from "../../src/pack.ts";
import type { ElementType, ExternalPlace } from "../pack/graph-builder.ts";
import { layerWeights, SOURCE_FINAL_NORM, SOURCE_TABLE } from "../pack/layout.ts";
import { BLOCK } from "../pack/quantize.ts";
import type { ExportNumbers } from "./export-dtypes.ts";

/** Native runtimes map a tensor into memory instead of copying it when it begins at a page. */
const ALIGNMENT = 4096;

/**
 * What a browser takes as one `ArrayBuffer` is below 2 GiB; a little less, so that nobody's way of counting exceeds
 * it. The largest tensor of the 4B model is its token table, 1.56 GB in float32.
 */
export const MAX_PIECE_BYTES = 2_000_000_000;

/** transformers.js refuses more. */
const MAX_PIECES = 100;

/** How a weight becomes an initializer. `rows`: as it is, `[N, K]`; `transposed`: `[K, N]`; `blocks`: codes and scales. */
export type WeightForm = "rows" | "transposed" | "blocks";

/** An initializer of the graph. */
export interface ExportTensor extends ExternalPlace {
  readonly name: string;
  readonly type: ElementType;
}

/** A weight of the model and the initializers that it becomes. */
export interface ExportWeight {
  /** Name in a checkpoint, without `model.`. */
  readonly source: string;
  readonly form: WeightForm;
  readonly bits: WeightBits;
  /** A vector is one row. */
  readonly rows: number;
  readonly columns: number;
  /** Values, or codes. */
  readonly tensor: ExportTensor;
  /** Only `blocks`. */
  readonly scales: ExportTensor | null;
}

export interface ExportLayout {
  readonly weights: readonly ExportWeight[];
  /** RoPE's tables, `[M, D/2]`. */
  readonly cos: ExportTensor;
  readonly sin: ExportTensor;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

export interface LayoutOptions extends ExportNumbers {
  readonly architecture: Architecture;
  readonly tableBits: WeightBits;
  /** Positions of RoPE's tables. */
  readonly positions: number;
  /** No file is longer. */
  readonly pieceBytes: number;
}

/**
 * Plans the files of external data: `<file>_data`, `<file>_data_1`, …
 *
 * @throws {EmbedError} `invalid-input` when a tensor does not fit into a file, or files would be too many.
 */
export function planExport(options: LayoutOptions): ExportLayout {
  const { architecture, bits, tableBits, positions } = options;
  const writer = new PieceWriter(options);
  const { vocab_size: vocabulary, hidden_size: hidden, head_dim: headDim } = architecture;
  const weights = [writer.add("embed", { source: SOURCE_TABLE, shape: [vocabulary, hidden] }, tableBits)];
  for (let layer = 0; layer < architecture.num_hidden_layers; layer++) {
    for (const weight of layerWeights(architecture, layer)) {
      weights.push(writer.add(`layers.${layer}.${weight.input}`, weight, bits));
    }
  }
  weights.push(writer.add("final.norm", { source: SOURCE_FINAL_NORM, shape: [hidden] }, bits));
  const table = [positions, headDim / 2];
  const [cos, sin] = [writer.place("rope.cos", table), writer.place("rope.sin", table)];
  return { weights, cos, sin, files: writer.files() };
}

function tensorBytes({ shape, type }: Pick<ExportTensor, "shape" | "type">): number {
  return shape.reduce((a, b) => a * b, type === "uint8" ? 1 : type === "f16" ? 2 : 4);
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

interface Weight {
  readonly source: string;
  readonly shape: readonly number[];
}

/** Lays tensors into files one after the other. */
class PieceWriter {
  readonly #options: LayoutOptions;
  readonly #ends: number[] = [0];

  constructor(options: LayoutOptions) {
    this.#options = options;
  }

  add(name: string, { source, shape }: Weight, bits: WeightBits): ExportWeight {
    const [rows, columns] = shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!];
    const weight = { source, bits, rows, columns, scales: null };
    if (shape.length === 1) return { ...weight, form: "rows", tensor: this.place(name, shape) };
    if (source === SOURCE_TABLE && bits === 16) {
      return { ...weight, form: "rows", tensor: this.place(`${name}.w`, shape) };
    }
    if (bits === 16) return { ...weight, form: "transposed", tensor: this.place(`${name}.w`, [columns, rows]) };
    const blocks = columns / BLOCK;
    const isTable = source === SOURCE_TABLE;
    const codes = isTable ? [rows, (columns * bits) / 8] : [rows, blocks, (BLOCK * bits) / 8];
    const [tensor, scales] = this.#place([
      { name: `${name}.q`, shape: codes, type: "uint8" },
      { name: `${name}.s`, shape: isTable ? [rows, blocks, 1] : [rows * blocks], type: this.#options.float },
    ]);
    return { ...weight, form: "blocks", tensor: tensor!, scales: scales! };
  }

  place(name: string, shape: readonly number[]): ExportTensor {
    return this.#place([{ name, shape, type: this.#options.float }])[0]!;
  }

  /** What belongs together lies in one file, so that one job on one file makes it. */
  #place(group: readonly Pick<ExportTensor, "name" | "shape" | "type">[]): ExportTensor[] {
    const sized = group.map((tensor) => ({ ...tensor, bytes: tensorBytes(tensor) }));
    const size = sized.reduce((sum, { bytes }) => sum + aligned(bytes), 0);
    const { pieceBytes } = this.#options;
    if (size > pieceBytes) {
      const { name } = group[0]!;
      const what = `${name} takes ${size} bytes in this dtype, a file of an export holds at most ${pieceBytes}`;
      throw new EmbedError("invalid-input", what, { details: { tensor: name, bytes: size, limit: pieceBytes } });
    }
    if (aligned(this.#ends.at(-1)!) + size > pieceBytes) this.#ends.push(0);
    const piece = this.#ends.length - 1;
    if (piece >= MAX_PIECES) {
      throw new EmbedError("invalid-input", `an export takes more than ${MAX_PIECES} files of ${pieceBytes} bytes`);
    }
    return sized.map((tensor) => {
      const offset = aligned(this.#ends[piece]!);
      this.#ends[piece] = offset + tensor.bytes;
      return { ...tensor, file: this.#name(piece), offset };
    });
  }

  files(): ExportLayout["files"] {
    return this.#ends.map((bytes, piece) => ({ name: this.#name(piece), bytes }));
  }

  #name(piece: number): string {
    return `${this.#options.file}_data${piece === 0 ? "" : `_${piece}`}`;
  }
}
