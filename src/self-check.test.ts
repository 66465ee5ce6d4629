import { describe, expect, it } from "vitest";
import { EmbedError } from "./errors.ts";
import { selfCheck, type EmbedIds } from "./self-check.ts";
import type { GoldenVector } from "./pack.ts";
import type { Execution } from "./types.ts";

const f32: Execution = { kind: "wasm", activations: "f32", subgroups: false };
const golden: GoldenVector[] = [
  { role: "document", inputIds: [5, 1], dimensions: 2, vector: [0.6, 0.8] },
  { role: "query", inputIds: [7, 8, 1], dimensions: 2, vector: [1, 0] },
];
const answers = new Map(golden.map(({ inputIds, vector }) => [inputIds.join(), Float32Array.from(vector)]));
const right: EmbedIds = (batch) => Promise.resolve(batch.map((ids) => answers.get(ids.join())!));

describe("selfCheck", () => {
  it("embeds every known input alone, all as one batch, and the longest in slices", async () => {
    const runs: string[] = [];
    const watched: EmbedIds = (batch, chunkTokens) => {
      runs.push(`${batch.map((ids) => ids.length).join()}${chunkTokens ? ` in ${chunkTokens}` : ""}`);
      return right(batch);
    };
    expect(await selfCheck(golden, watched, f32)).toMatchObject({ passed: true, tolerance: 2e-5 });
    expect(runs).toEqual(["2", "3", "2,3", "3 in 64"]);
  });

  it("fails on a component that is off in the batch alone", async () => {
    const offInBatch: EmbedIds = async (batch) =>
      (await right(batch)).map((vector) => (batch.length > 1 ? vector.map((value) => value + 3e-5) : vector));
    const result = await selfCheck(golden, offInBatch, f32);
    expect(result.passed).toBe(false);
    expect(result.maxAbsDiff).toBeCloseTo(3e-5, 6);
    expect((await selfCheck(golden, offInBatch, { ...f32, activations: "f16" })).passed).toBe(true);
  });

  it("takes known answers of fewer dimensions", async () => {
    const cut = [{ ...golden[0]!, dimensions: 1, vector: [1] }];
    expect(await selfCheck(cut, right, f32)).toMatchObject({ passed: true });
  });

  it.each([NaN, Infinity])("fails on a vector with %s", async (value) => {
    const broken: EmbedIds = (batch) => Promise.resolve(batch.map(() => Float32Array.of(value, 0)));
    expect(await selfCheck(golden, broken, f32)).toMatchObject({ passed: false, maxAbsDiff: Infinity, minCosine: -1 });
  });

  it("takes a row without a direction for a wrong vector, and passes other errors on", async () => {
    const fault: EmbedIds = () => Promise.reject(new EmbedError("numeric-fault", "row 0 is not finite"));
    expect(await selfCheck(golden, fault, f32)).toMatchObject({ passed: false, maxAbsDiff: Infinity });
    const lost: EmbedIds = () => Promise.reject(new EmbedError("device-lost", "gone"));
    await expect(selfCheck(golden, lost, f32)).rejects.toMatchObject({ code: "device-lost" });
  });
});
