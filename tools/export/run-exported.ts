/** @file Runs an exported graph with onnxruntime-web's WASM build in Node, for tests. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { env, InferenceSession, Tensor } from "onnxruntime-web";

/** A batch of rows, padded as a tokenizer would. */
export interface PaddedBatch {
  readonly rows: readonly (readonly number[])[];
  readonly side: "left" | "right";
}

/** @param file - In `onnx/` of the export's folder. */
export async function openExported(folder: string, file: string): Promise<InferenceSession> {
  // A test's inputs are small: threads would take longer to start than they save.
  env.wasm.numThreads = 1;
  const onnx = join(folder, "onnx");
  const names = readdirSync(onnx).filter((name) => name.startsWith(`${file}_data`));
  const externalData = names.map((path) => ({ path, data: new Uint8Array(readFileSync(join(onnx, path))) }));
  return InferenceSession.create(readFileSync(join(onnx, file)), { executionProviders: ["wasm"], externalData });
}

/**
 * Last-token states, L2-normalized.
 *
 * @returns One unit vector a row; of a row without tokens nothing that means anything.
 */
export async function embedPadded(session: InferenceSession, { rows, side }: PaddedBatch): Promise<number[][]> {
  const length = Math.max(...rows.map((row) => row.length));
  const masks = rows.map((row) => pad(new Array<number>(row.length).fill(1), length, side));
  const ids = rows.map((row) => pad(row, length, side));
  const states = await hiddenStates(session, ids, masks);
  return rows.map((row, i) => unit(states.at(i, side === "left" ? length - 1 : Math.max(0, row.length - 1))));
}

export interface HiddenStates {
  /** `[B, S, H]`. */
  readonly values: Float32Array;
  /** @returns `[H]`. */
  at(row: number, column: number): number[];
}

/**
 * The graph's output as it is; positions are what transformers.js makes of the mask.
 *
 * @param ids - `[B, S]`.
 * @param masks - `[B, S]`.
 */
export async function hiddenStates(
  session: InferenceSession,
  ids: readonly (readonly number[])[],
  masks: readonly (readonly number[])[],
): Promise<HiddenStates> {
  const columns = ids[0]!.length;
  const positions = masks.map((mask) => {
    let count = 0;
    return mask.map((isToken) => (isToken ? count++ : 1));
  });
  const tensor = (values: readonly (readonly number[])[]) =>
    new Tensor("int64", BigInt64Array.from(values.flat(), BigInt), [ids.length, columns]);
  const feeds = { input_ids: tensor(ids), attention_mask: tensor(masks), position_ids: tensor(positions) };
  const { last_hidden_state: output } = await session.run(feeds);
  if (output?.type !== "float32") throw new Error(`last_hidden_state is ${output?.type ?? "not there"}, not float32`);
  const hidden = output.dims[2]!;
  const values = output.data as Float32Array;
  const at = (row: number, column: number) => {
    const start = (row * columns + column) * hidden;
    return Array.from(values.subarray(start, start + hidden));
  };
  return { values, at };
}

function pad(values: readonly number[], length: number, side: "left" | "right"): number[] {
  const padding = new Array<number>(length - values.length).fill(0);
  return side === "left" ? [...padding, ...values] : [...values, ...padding];
}

/** At length 1. */
export function unit(vector: readonly number[]): number[] {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return vector.map((x) => x / length);
}

/** @returns Infinity when a component is not a number. */
export function maxAbsDiff(actual: readonly (readonly number[])[], expected: readonly (readonly number[])[]): number {
  const differences = expected.flatMap((vector, n) => vector.map((x, i) => Math.abs(x - (actual[n]?.[i] ?? NaN))));
  return differences.some(Number.isNaN) ? Infinity : differences.reduce((a, b) => Math.max(a, b), 0);
}
