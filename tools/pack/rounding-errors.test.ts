import { describe, expect, it } from "vitest";
import { describeErrors, RoundingErrors } from "./rounding-errors.ts";

describe("RoundingErrors", () => {
  it("puts the pieces of a tensor together", () => {
    const errors = new RoundingErrors();
    errors.add("b", { squaredError: 1, energy: 60 });
    errors.add("a", { squaredError: 0, energy: 0 });
    errors.add("b", { squaredError: 3, energy: 40 });
    expect(errors.list()).toEqual([
      { tensor: "a", relative: 0 },
      { tensor: "b", relative: 0.2 },
    ]);
  });
});

describe("describeErrors", () => {
  it("says how many are exact, and the mean and the worst of the others", () => {
    const errors = [
      { tensor: "a", relative: 0 },
      { tensor: "b", relative: 0.05 },
      { tensor: "c", relative: 0.1 },
    ];
    const rest = "the others rounded, relative RMS error: mean 7.50 %, worst 10.0 % (c)";
    expect(describeErrors(errors)).toBe(`1 of 3 tensors exactly as in the source; ${rest}`);
  });

  it("is short where nothing was rounded, and silent where nothing was written", () => {
    expect(describeErrors([{ tensor: "a", relative: 0 }])).toBe("1 of 1 tensors exactly as in the source");
    expect(describeErrors([])).toBeNull();
  });
});
