/** @file That a rotation is one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rotation } from "./rotation.ts";

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, component, i) => sum + component * b[i]!, 0);
}

describe("Rotation", () => {
  it("keeps lengths and angles at any number of dimensions", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), (dimensions, seed) => {
        const [a, b] = [seed, seed + 1].map((s) =>
          Float32Array.from({ length: dimensions }, (_, i) => Math.sin(s + i * i)),
        );
        const [turnedA, turnedB] = [a!.slice(), b!.slice()];
        const rotation = new Rotation(dimensions);
        rotation.turn(turnedA);
        rotation.turn(turnedB);
        // Float32 rounding in some ten additions each.
        expect(Math.abs(dot(turnedA, turnedB) - dot(a!, b!))).toBeLessThan(1e-5 * dimensions);
        expect(Math.abs(dot(turnedA, turnedA) - dot(a!, a!))).toBeLessThan(1e-5 * dimensions);
      }),
    );
  });

  it.each([256, 768, 1000])("spreads one component over all %i", (dimensions) => {
    const vector = new Float32Array(dimensions);
    vector[3] = 1;
    new Rotation(dimensions).turn(vector);
    const largest = Math.max(...vector.map(Math.abs));
    // Even shares would be 1 ÷ √dimensions.
    expect(largest).toBeLessThan(8 / Math.sqrt(dimensions));
  });
});
