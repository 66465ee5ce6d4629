/** @file Float64 product of activations with some rows of a weight, for the reference. Runs on a worker thread. */
import type { CheckedTensor } from "./checked-tensors.ts";
import { readAt } from "./file-ranges.ts";
import { HALF_VALUES } from "./half.ts";
import type { Part } from "./layout.ts";
import { BLOCK, dequantizeBlocks } from "./quantize.ts";
import { readTensorRows } from "./tensor-rows.ts";

/** Where a matrix `[N, K]` lies: in a pack file, or in the source as it was. */
export type MatrixPlace = { readonly part: Part; readonly path: string } | { readonly tensor: CheckedTensor };

/** `y[t, n] = Σ x[t, k] · w[n, k]` for rows `firstRow` … of the weight; both buffers hold float64. */
export interface MultiplyJob {
  readonly kind: "multiply";
  readonly place: MatrixPlace;
  readonly firstRow: number;
  readonly rows: number;
  /** `[T, K]`. */
  readonly x: SharedArrayBuffer;
  /** `[T, N]`. */
  readonly y: SharedArrayBuffer;
}

/**
 * Rows of a matrix as float64.
 *
 * @returns `[rows, K]`.
 */
export function readRows(place: MatrixPlace, firstRow: number, rows: number): Float64Array<ArrayBuffer> {
  if ("tensor" in place) return new Float64Array(readTensorRows(place.tensor, { firstRow, rows }));
  const { part, path } = place;
  if (part.bits === 16) return readHalves(path, part, { firstRow, rows });
  const codeBytes = (part.columns * part.bits) / 8;
  const scaleBytes = (part.columns / BLOCK) * 2;
  if (part.form === "blocks") {
    const codes = readAt(path, part.offset + firstRow * codeBytes, rows * codeBytes);
    const scales = readAt(path, part.scalesOffset + firstRow * scaleBytes, rows * scaleBytes);
    return dequantizeBlocks({ codes, scales: new Uint16Array(scales.buffer) }, part.bits);
  }
  const rowBytes = codeBytes + scaleBytes;
  const bytes = readAt(path, part.offset + firstRow * rowBytes, rows * rowBytes);
  const codes = new Uint8Array(rows * codeBytes);
  const scales = new Uint8Array(rows * scaleBytes);
  for (let row = 0; row < rows; row++) {
    codes.set(bytes.subarray(row * rowBytes, row * rowBytes + codeBytes), row * codeBytes);
    scales.set(bytes.subarray(row * rowBytes + codeBytes, (row + 1) * rowBytes), row * scaleBytes);
  }
  return dequantizeBlocks({ codes, scales: new Uint16Array(scales.buffer) }, part.bits);
}

function readHalves(path: string, part: Part, range: { readonly firstRow: number; readonly rows: number }) {
  const { firstRow, rows } = range;
  const { columns } = part;
  const values = new Float64Array(rows * columns);
  if (part.form === "half") {
    const bits = new Uint16Array(readAt(path, part.offset + firstRow * columns * 2, rows * columns * 2).buffer);
    for (let i = 0; i < values.length; i++) values[i] = HALF_VALUES[bits[i]!]!;
    return values;
  }
  const bits = new Uint16Array(readAt(path, part.offset, part.rows * columns * 2).buffer);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < columns; k++) values[row * columns + k] = HALF_VALUES[bits[k * part.rows + firstRow + row]!]!;
  }
  return values;
}

/** Rows of the weight that are held as float64 at a time; 64 rows of K = 9,728 are 5 MB. */
const PANEL_ROWS = 64;

/** Runs a multiply job; each sum runs over k in order, so that the result does not depend on the threads. */
export function multiplyRows(job: MultiplyJob): void {
  const x = new Float64Array(job.x);
  const y = new Float64Array(job.y);
  const columns = "tensor" in job.place ? job.place.tensor.shape[1]! : job.place.part.columns;
  const width = "tensor" in job.place ? job.place.tensor.shape[0]! : job.place.part.rows;
  const panelRows = "part" in job.place && job.place.part.form === "half-transposed" ? job.rows : PANEL_ROWS;
  for (let done = 0; done < job.rows; done += panelRows) {
    const rows = Math.min(panelRows, job.rows - done);
    const weight = readRows(job.place, job.firstRow + done, rows);
    multiplyPanel({ x, y, weight, columns, rows, width, firstRow: job.firstRow + done });
  }
}

interface Panel {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly weight: Float64Array;
  readonly columns: number;
  readonly rows: number;
  readonly width: number;
  readonly firstRow: number;
}

/**
 * Tiles of four weight rows and two tokens: eight sums for six loads. Where rows or tokens run out, a tile repeats
 * its last one and writes the same sum twice.
 */
function multiplyPanel({ x, y, weight, columns, rows, width, firstRow }: Panel): void {
  const tokens = x.length / columns;
  for (let n = 0; n < rows; n += 4) {
    const [n1, n2, n3] = [Math.min(n + 1, rows - 1), Math.min(n + 2, rows - 1), Math.min(n + 3, rows - 1)];
    const [w0, w1, w2, w3] = [n * columns, n1 * columns, n2 * columns, n3 * columns];
    for (let t = 0; t < tokens; t += 2) {
      const u = Math.min(t + 1, tokens - 1);
      const [x0, x1] = [t * columns, u * columns];
      let [a0, a1, a2, a3, b0, b1, b2, b3] = [0, 0, 0, 0, 0, 0, 0, 0];
      for (let k = 0; k < columns; k++) {
        const a = x[x0 + k]!;
        const b = x[x1 + k]!;
        a0 += a * weight[w0 + k]!;
        a1 += a * weight[w1 + k]!;
        a2 += a * weight[w2 + k]!;
        a3 += a * weight[w3 + k]!;
        b0 += b * weight[w0 + k]!;
        b1 += b * weight[w1 + k]!;
        b2 += b * weight[w2 + k]!;
        b3 += b * weight[w3 + k]!;
      }
      const out = t * width + firstRow;
      [y[out + n], y[out + n1], y[out + n2], y[out + n3]] = [a0, a1, a2, a3];
      const next = u * width + firstRow;
      [y[next + n], y[next + n1], y[next + n2], y[next + n3]] = [b0, b1, b2, b3];
    }
  }
}
