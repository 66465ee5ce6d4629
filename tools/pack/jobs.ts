/** @file Work for one worker thread, as plain messages, and its execution. Synchronous file I/O at given positions. */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { EmbedError } from "../../src/errors.ts";
import { BLOCK_BYTES } from "../../src/model/manifest.ts";
import type { PackFile } from "../../src/pack.ts";
import { type ExportJob, exportRows } from "../export/export-rows.ts";
import type { CheckedTensor } from "./checked-tensors.ts";
import { writeAt } from "./file-ranges.ts";
import { HALF_VALUES, narrow } from "./half.ts";
import type { Part } from "./layout.ts";
import { BLOCK, blockDeviation, type Deviation, type QuantizedBlocks, type Rounding } from "./quantize.ts";
import { multiplyRows, type MultiplyJob } from "./multiply.ts";
import { readTensorBlocks } from "./tensor-blocks.ts";
import { readTensorRows } from "./tensor-rows.ts";

/** Reads some rows of a source tensor and writes them in pack form into a file of full size. */
export interface WriteJob {
  readonly kind: "write";
  /** Offsets are those of `firstRow`. */
  readonly part: Part;
  readonly tensor: CheckedTensor;
  readonly rounding: Rounding;
  readonly path: string;
}

/** SHA-256 of a file and of its 16 MiB blocks. */
export interface HashJob {
  readonly kind: "hash";
  readonly path: string;
}

export type Job = WriteJob | HashJob | MultiplyJob | ExportJob;
/** What a job gives back. */
export interface JobResults {
  readonly write: Deviation;
  readonly hash: Omit<PackFile, "name">;
  readonly multiply: null;
  readonly export: null;
}

/** Runs a job to its end on this thread. */
export function runJob(job: Job): JobResults[Job["kind"]] {
  if (job.kind === "hash") return hashFile(job.path);
  if (job.kind === "write") return writePart(job);
  if (job.kind === "export") exportRows(job);
  else multiplyRows(job);
  return null;
}

function hashFile(path: string): JobResults["hash"] {
  const descriptor = openSync(path, "r");
  try {
    const bytes = fstatSync(descriptor).size;
    const whole = createHash("sha256");
    const blocks: string[] = [];
    const buffer = new Uint8Array(Math.min(bytes, BLOCK_BYTES));
    for (let offset = 0; offset < bytes; offset += BLOCK_BYTES) {
      const block = buffer.subarray(0, Math.min(BLOCK_BYTES, bytes - offset));
      const read = readSync(descriptor, block, 0, block.length, offset);
      if (read < block.length) throw new EmbedError("model-corrupt", `${path} ends at byte ${offset + read}`);
      whole.update(block);
      blocks.push(createHash("sha256").update(block).digest("hex"));
    }
    return { bytes, sha256: whole.digest("hex"), blocks };
  } finally {
    closeSync(descriptor);
  }
}

function writePart(job: WriteJob): Deviation {
  const descriptor = openSync(job.path, "r+");
  try {
    return job.part.bits === 16 ? writeHalves(job, descriptor) : writeBlocks(job, job.part.bits, descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writeHalves({ part, tensor }: WriteJob, descriptor: number): Deviation {
  const values = readTensorRows(tensor, part);
  const halves = narrow(values, tensor.name);
  const { form, rows, columns, offset } = part;
  writeAt(descriptor, form === "half-transposed" ? transpose(halves, rows, columns) : halves, offset);
  let [squaredError, energy] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    squaredError += (values[i]! - HALF_VALUES[halves[i]!]!) ** 2;
    energy += values[i]! ** 2;
  }
  return { squaredError, energy };
}

function writeBlocks({ part, tensor, rounding }: WriteJob, bits: 4 | 8, descriptor: number): Deviation {
  const { blocks, values } = readTensorBlocks(tensor, part, { bits, rounding });
  if (part.form === "table") {
    writeAt(descriptor, interleave(blocks, part.rows), part.offset);
  } else {
    writeAt(descriptor, blocks.codes, part.offset);
    writeAt(descriptor, blocks.scales, part.scalesOffset);
  }
  return values ? blockDeviation(values, blocks, bits) : { squaredError: 0, energy: 0 };
}

function transpose(values: Uint16Array, rows: number, columns: number): Uint16Array {
  const transposed = new Uint16Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) transposed[column * rows + row] = values[row * columns + column]!;
  }
  return transposed;
}

/** Codes, then scales, row by row. */
function interleave({ codes, scales }: QuantizedBlocks, rows: number): Uint8Array {
  const codeBytes = codes.length / rows;
  const scaleBytes = scales.byteLength / rows;
  const scaleSource = new Uint8Array(scales.buffer);
  const table = new Uint8Array(codes.length + scales.byteLength);
  for (let row = 0; row < rows; row++) {
    const start = row * (codeBytes + scaleBytes);
    table.set(codes.subarray(row * codeBytes, (row + 1) * codeBytes), start);
    table.set(scaleSource.subarray(row * scaleBytes, (row + 1) * scaleBytes), start + codeBytes);
  }
  return table;
}

/** Weights of one job: 2 Mi of them take 20 MB of working memory and about 0.1 s, a smooth step of the progress. */
const JOB_WEIGHTS = 2 * 1024 * 1024;

/** Cuts a part into jobs' worth of rows; a transposed part needs all its rows at once. */
export function splitPart(part: Part): Part[] {
  if (part.form === "half-transposed") return [part];
  const step = Math.max(1, Math.floor(JOB_WEIGHTS / part.columns));
  const codeBytes = (part.columns * part.bits) / 8;
  const scaleBytes = part.bits === 16 ? 0 : (part.columns / BLOCK) * 2;
  const parts: Part[] = [];
  for (let done = 0; done < part.rows; done += step) {
    const rowBytes = part.form === "table" ? codeBytes + scaleBytes : codeBytes;
    parts.push({
      ...part,
      firstRow: part.firstRow + done,
      rows: Math.min(step, part.rows - done),
      offset: part.offset + done * rowBytes,
      scalesOffset: part.scalesOffset + done * scaleBytes,
    });
  }
  return parts;
}
