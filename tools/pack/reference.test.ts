import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { ReferenceAnswer } from "./quality.ts";
import { referenceVectors } from "./reference.ts";
import { openSource } from "./source.ts";
import { sourceWeights } from "./weights.ts";
import { WorkerPool } from "./worker-pool.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pool = new WorkerPool();
afterAll(() => pool.close());

/** Largest difference of a component to the answers of NumPy's float64. */
async function largestDifference(folder: string, answers: readonly ReferenceAnswer[]): Promise<number> {
  const weights = sourceWeights(openSource(folder, null), pool);
  const inputs = answers.map((answer) => answer.input_ids);
  const vectors = await referenceVectors(weights, inputs);
  const differences = vectors.flatMap((vector, i) =>
    Array.from(vector, (value, d) => value - answers[i]!.embedding[d]!),
  );
  return differences.reduce((max, difference) => Math.max(max, Math.abs(difference)), 0);
}

function readAnswers(folder: string, maxTokens: number): ReferenceAnswer[] {
  const answers = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8")) as ReferenceAnswer[];
  return answers.filter((answer) => answer.input_ids.length <= maxTokens);
}

describe("referenceVectors", () => {
  // Float64 in another order of summation; a mistake in RoPE, grouping or a norm shows at 1e-5 and more.
  const tolerance = 1e-12;

  it("gives NumPy's vectors of the stress model, all lengths in one run", async () => {
    const stress = join(root, "fixtures/stress");
    const answers = readAnswers(stress, 600);
    expect(answers).toHaveLength(18);
    expect(await largestDifference(stress, answers)).toBeLessThan(tolerance);
  });

  const nano = join(root, "../shared/models/nano");
  it("gives NumPy's vectors of the nano model", async ({ skip }) => {
    skip(!existsSync(nano), `${nano} is not there`);
    expect(await largestDifference(nano, readAnswers(nano, 60))).toBeLessThan(tolerance);
  });
});
