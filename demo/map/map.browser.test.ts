/** @file The map's worker in a browser: subjects stay together, the same library gives the same map, a map can be called off. */
import { describe, expect, it } from "vitest";
import { requestLayout } from "./request-layout.ts";
import { seededRandom } from "./random.ts";

const SUBJECTS = 6;
const ROWS = 300;
const DIMENSIONS = 64;

/** Vectors around one centre for each subject; new memory each time, since it goes to the worker. */
function makeVectors() {
  const random = seededRandom(3);
  const centres = Array.from({ length: SUBJECTS * DIMENSIONS }, () => random() - 0.5);
  const data = new Float32Array(ROWS * DIMENSIONS);
  for (let at = 0; at < data.length; at++) {
    const subject = Math.floor(at / DIMENSIONS) % SUBJECTS;
    data[at] = centres[subject * DIMENSIONS + (at % DIMENSIONS)]! + (random() - 0.5) / 2;
  }
  return { data, rows: ROWS, dimensions: DIMENSIONS };
}

describe("requestLayout", () => {
  it("keeps each subject's points nearer to each other than to any other subject, the same each time", async () => {
    const shares: number[] = [];
    const { positions, method } = await requestLayout(makeVectors(), { onProgress: (share) => shares.push(share) });
    expect(method).toBe("umap");
    let [within, between] = [0, Infinity];
    for (let row = 0; row < ROWS; row++) {
      for (let other = row + 1; other < ROWS; other++) {
        const dx = positions[row * 2]! - positions[other * 2]!;
        const distance = Math.hypot(dx, positions[row * 2 + 1]! - positions[other * 2 + 1]!);
        if (row % SUBJECTS === other % SUBJECTS) within = Math.max(within, distance);
        else between = Math.min(between, distance);
      }
    }
    expect(between).toBeGreaterThan(within);
    expect(shares.length).toBeGreaterThan(100);
    const again = await requestLayout(makeVectors());
    expect(again.positions).toEqual(positions);
  });

  it("ends at once when it is called off", async () => {
    const controller = new AbortController();
    const asked = requestLayout(makeVectors(), {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("closed")),
    });
    await expect(asked).rejects.toThrow("closed");
  });
});
