/** @file What both contenders are given under Node, by command line. Pure. */
import { EmbedError } from "../../src/errors.ts";
import { runFlops } from "../../src/batch/cost.ts";
import type { Architecture, PackManifest } from "../../src/pack.ts";
import { inputIds, logNormalLengths } from "../harness/texts.ts";

export interface NodeWorkloadInput {
  readonly title: string;
  readonly batch: readonly Int32Array[];
  /** Of the layers, padding left out. */
  readonly flops: number;
}

/** Lengths of texts as collections of passages have them. */
const MIXED = { median: 90, sigma: 0.9, least: 8, most: 1024 };

/** Texts of one workload start from seeds of their own, so that no two share a text. */
const SEEDS_APART = 1000;

/**
 * Token counts of each workload, those first that are least likely to bring a contender down.
 *
 * @param lengths - Single texts, such as `16,128`.
 * @param batches - Such as `64x128,mixed256`: 64 texts of 128 tokens, 256 of mixed lengths.
 * @throws {EmbedError} `invalid-input`.
 */
export function parseWorkloads(lengths: string, batches: string): number[][] {
  const singles = listOf(lengths).map((length) => [wholeNumber(length, "--lengths")]);
  const groups = listOf(batches).map((batch) => {
    const mixed = /^mixed(\d+)$/.exec(batch);
    if (mixed) return logNormalLengths(wholeNumber(mixed[1]!, "--batches"), MIXED);
    const [, texts = "", tokens = ""] = /^(\d+)x(\d+)$/.exec(batch) ?? [];
    return Array<number>(wholeNumber(texts, "--batches")).fill(wholeNumber(tokens, "--batches"));
  });
  const longest = (batch: readonly number[]): number => Math.max(...batch);
  return [...singles, ...groups].sort((a, b) => longest(a) - longest(b));
}

/** Token ids for each workload; lengths beyond what the model takes are left out. */
export function makeWorkloads(lengths: readonly (readonly number[])[], manifest: PackManifest): NodeWorkloadInput[] {
  const possible = lengths.filter((batch) => batch.every((length) => length <= manifest.maxTokens));
  return possible.map((batch, n) => ({
    title: titleOf(batch),
    batch: batch.map((length, i) => Int32Array.from(inputIds(length, manifest, (n + 1) * SEEDS_APART + i))),
    flops: flopsOf(batch, manifest.architecture),
  }));
}

function titleOf(batch: readonly number[]): string {
  const [first] = batch;
  if (new Set(batch).size > 1) return `${batch.length} × mixed`;
  return batch.length === 1 ? `1 × ${first}` : `${batch.length} × ${first}`;
}

/** All layers over whole texts. Strata's last layer does less: it is not credited for what it leaves out. */
function flopsOf(batch: readonly number[], architecture: Architecture): number {
  const slices = batch.map((length, sequence) => ({ sequence, start: 0, length }));
  const tokenCount = batch.reduce((sum, length) => sum + length, 0);
  return architecture.num_hidden_layers * runFlops(architecture, { slices, tokenCount, sliced: false });
}

function listOf(list: string): string[] {
  return list.split(",").filter((item) => item !== "");
}

function wholeNumber(text: string, flag: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new EmbedError("invalid-input", `${flag} has ${text || "what is no length"}: see --help`);
}
