/** @file Some rows of a weight → their place in an export's file. Runs on a worker thread; synchronous file I/O. */
import { closeSync, openSync } from "node:fs";
import type { Activations } from "../../src/pack.ts";
import { readAt, writeAt } from "../pack/file-ranges.ts";
import { HALF_VALUES, narrow } from "../pack/half.ts";
import { type MatrixPlace, readRows } from "../pack/multiply.ts";
import { BLOCK, type QuantizedBlocks } from "../pack/quantize.ts";
import { readTensorBlocks } from "../pack/tensor-blocks.ts";

/** Where values go, in bytes from the start of a file of full size. */
export interface Target {
  readonly offset: number;
  readonly type: Activations;
}

/** Rows `firstRow` … of a weight `[N, K]`; a vector is one row. */
export interface ExportJob {
  readonly kind: "export";
  readonly place: MatrixPlace;
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: number;
  readonly path: string;
  /** Offsets are those of `firstRow`. */
  readonly to: ValuesTarget | BlocksTarget;
}

export interface ValuesTarget {
  /** `transposed` takes the whole matrix. */
  readonly form: "rows" | "transposed";
  readonly values: Target;
  /** `f16`: values pass through float16 even when they are written as float32, as a pack's norms do. */
  readonly precision: Activations;
}

export interface BlocksTarget {
  readonly form: "blocks";
  readonly bits: 4 | 8;
  readonly codes: { readonly offset: number };
  readonly scales: Target;
}

/** Rows that are transposed at a time: 64 of K = 9,728 as float64 are 5 MB beside the matrix that is being made. */
const PANEL_ROWS = 64;

/**
 * @throws {EmbedError} `model-corrupt` where a value is not finite, or does not fit the type.
 */
export function exportRows(job: ExportJob): void {
  const { to, path } = job;
  if (to.form === "blocks") {
    const { codes, scales } = readBlocks(job, to.bits);
    write(path, to.codes.offset, codes);
    write(path, to.scales.offset, to.scales.type === "f16" ? scales : bytesOf(widenHalves(scales)));
  } else if (to.form === "transposed") {
    write(path, to.values.offset, transposed(job, to));
  } else {
    write(path, to.values.offset, converted(job, to));
  }
}

/** Codes and scales as the pack has them, or as `npm run pack` would make them. */
function readBlocks({ place, firstRow, rows, columns }: ExportJob, bits: 4 | 8): QuantizedBlocks {
  if ("tensor" in place) return readTensorBlocks(place.tensor, { firstRow, rows }, { bits, rounding: "search" }).blocks;
  const { part, path } = place;
  const codeBytes = (columns * bits) / 8;
  const scaleBytes = (columns / BLOCK) * 2;
  if (part.form === "blocks") {
    const scales = readAt(path, part.scalesOffset + firstRow * scaleBytes, rows * scaleBytes);
    const codes = readAt(path, part.offset + firstRow * codeBytes, rows * codeBytes);
    return { codes, scales: new Uint16Array(scales.buffer) };
  }
  const rowBytes = codeBytes + scaleBytes;
  const bytes = readAt(path, part.offset + firstRow * rowBytes, rows * rowBytes);
  const codes = new Uint8Array(rows * codeBytes);
  const scales = new Uint8Array(rows * scaleBytes);
  for (let row = 0; row < rows; row++) {
    const start = row * rowBytes;
    codes.set(bytes.subarray(start, start + codeBytes), row * codeBytes);
    scales.set(bytes.subarray(start + codeBytes, start + rowBytes), row * scaleBytes);
  }
  return { codes, scales: new Uint16Array(scales.buffer) };
}

function converted({ place, firstRow, rows }: ExportJob, to: ValuesTarget): Uint8Array | Uint16Array {
  const values = new Float32Array(readPlace(place, firstRow, rows));
  if (to.precision === "f32") return bytesOf(values);
  const halves = narrow(values, nameOf(place));
  return to.values.type === "f16" ? halves : bytesOf(widenHalves(halves));
}

function readPlace(place: MatrixPlace, firstRow: number, rows: number): Float64Array {
  if ("part" in place || place.tensor.shape.length > 1) return readRows(place, firstRow, rows);
  return readRows({ tensor: { ...place.tensor, shape: [1, place.tensor.shape[0]!] } }, firstRow, rows);
}

/** The whole matrix; 100 MB for the largest of the 4B model in float32. */
function transposed({ place, rows, columns }: ExportJob, to: ValuesTarget): Uint8Array | Uint16Array {
  if ("part" in place && place.part.form === "half-transposed") {
    const halves = new Uint16Array(readAt(place.path, place.part.offset, rows * columns * 2).buffer);
    return to.values.type === "f16" ? halves : bytesOf(widenHalves(halves));
  }
  const isNarrow = to.values.type === "f16";
  const matrix = isNarrow ? new Uint16Array(rows * columns) : new Float32Array(rows * columns);
  for (let firstRow = 0; firstRow < rows; firstRow += PANEL_ROWS) {
    const count = Math.min(PANEL_ROWS, rows - firstRow);
    const values = new Float32Array(readPlace(place, firstRow, count));
    const panel = isNarrow ? narrow(values, nameOf(place)) : values;
    for (let k = 0; k < columns; k++) {
      for (let row = 0; row < count; row++) matrix[k * rows + firstRow + row] = panel[row * columns + k]!;
    }
  }
  return matrix instanceof Uint16Array ? matrix : bytesOf(matrix);
}

function nameOf(place: MatrixPlace): string {
  return "tensor" in place ? place.tensor.name : place.part.source;
}

function widenHalves(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (bits) => HALF_VALUES[bits]!);
}

/** A type in which `writeAt` takes them. */
function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function write(path: string, offset: number, values: Uint8Array | Uint16Array): void {
  const descriptor = openSync(path, "r+");
  try {
    writeAt(descriptor, values, offset);
  } finally {
    closeSync(descriptor);
  }
}
