/** @file Tests of the slider's steps. */
import { describe, expect, it } from "vitest";
import { dimensionSteps } from "./dimension-steps.ts";

describe("dimensionSteps", () => {
  it("goes from 32 to all by halvings and three quarters", () => {
    expect(dimensionSteps(256)).toEqual([32, 48, 64, 96, 128, 192, 256]);
    expect(dimensionSteps(1024)).toEqual([32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]);
  });

  it("ends at all, whatever that is, and never goes below 32 of them", () => {
    expect(dimensionSteps(32)).toEqual([32]);
    expect(dimensionSteps(8)).toEqual([8]);
    expect(dimensionSteps(2560).at(0)).toBe(40);
    expect(dimensionSteps(2560).at(-1)).toBe(2560);
  });
});
