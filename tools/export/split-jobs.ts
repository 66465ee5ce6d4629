/** @file The layout of an export → jobs for threads, by file. Pure. */
import type { Activations } from "../../src/pack.ts";
import type { ExportLayout, ExportTensor, ExportWeight } from "./export-layout.ts";
import type { BlocksTarget, ExportJob, ValuesTarget } from "./export-rows.ts";
import type { ExportSource } from "./export-source.ts";
import type { WeightRows } from "./pack-weights.ts";

/** A job but for the file that it writes to. */
export interface PlannedJob {
  readonly job: Omit<ExportJob, "path">;
  /** Of output. */
  readonly bytes: number;
}

/** Weights of one job: 1 Mi of them take 20 MB of working memory as float64 and float32. */
const JOB_WEIGHTS = 1024 * 1024;

/** @returns By name of the file. */
export function splitJobs(layout: ExportLayout, source: ExportSource): Map<string, PlannedJob[]> {
  const jobs = new Map<string, PlannedJob[]>(layout.files.map(({ name }) => [name, []]));
  // A pack rounds its norms to float16; a quantised export is made of the same numbers.
  const isQuantised = layout.weights.some(({ form }) => form === "blocks");
  for (const weight of layout.weights) {
    for (const rows of source.weights.get(weight.source)!) {
      jobs.get(weight.tensor.file)!.push(...splitRows(weight, rows, isQuantised ? "f16" : floatOf(weight.tensor)));
    }
  }
  return jobs;
}

function splitRows(weight: ExportWeight, { place, firstRow, rows }: WeightRows, precision: Activations): PlannedJob[] {
  const { columns, rows: all } = weight;
  const step = weight.form === "transposed" ? rows : Math.max(1, Math.floor(JOB_WEIGHTS / columns));
  const jobs: PlannedJob[] = [];
  for (let done = 0; done < rows; done += step) {
    const count = Math.min(step, rows - done);
    const bytes = ((weight.tensor.bytes + (weight.scales?.bytes ?? 0)) / all) * count;
    const to = target(weight, firstRow + done, precision);
    jobs.push({ job: { kind: "export", place, firstRow: done, rows: count, columns, to }, bytes });
  }
  return jobs;
}

function target({ form, bits, rows, tensor, scales }: ExportWeight, firstRow: number, precision: Activations) {
  const from = ({ offset, bytes }: ExportTensor) => offset + (bytes / rows) * firstRow;
  if (form !== "blocks") {
    return { form, values: { offset: from(tensor), type: floatOf(tensor) }, precision } satisfies ValuesTarget;
  }
  return {
    form,
    bits: bits === 4 ? 4 : 8,
    codes: { offset: from(tensor) },
    scales: { offset: from(scales!), type: floatOf(scales!) },
  } satisfies BlocksTarget;
}

function floatOf({ type }: ExportTensor): Activations {
  return type === "f16" ? "f16" : "f32";
}
