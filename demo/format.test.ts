/** @file Tests of the number formats. */
import { describe, expect, it } from "vitest";
import { clipTo, formatBytes, formatCount, formatDuration, formatRemaining, percent } from "./format.ts";

/** As the numbers are written here, but with their units kept on the line. */
const nonBreaking = (text: string): string => text.replace(/(\d) (?=[a-zB-M])/g, "$1\u00a0");

describe("formatBytes", () => {
  it.each([
    [0, "0 B"],
    [1023, "1,023 B"],
    [1024, "1 KB"],
    [24_530_000, "23.4 MB"],
    [2.5 * 1024 ** 3, "2.5 GB"],
  ])("writes %d bytes as %s", (sizeBytes, text) => expect(formatBytes(sizeBytes)).toBe(nonBreaking(text)));
});

describe("formatDuration", () => {
  it.each([
    [0.42, "0.4 ms"],
    [38.4, "38 ms"],
    [1234, "1.2 s"],
    [200_400, "3 min 20 s"],
    [119_700, "2 min 0 s"],
  ])("writes %d ms as %s", (durationMs, text) => expect(formatDuration(durationMs)).toBe(nonBreaking(text)));
});

describe("formatRemaining", () => {
  it.each([
    [20, "1 s"],
    [3100, "4 s"],
    [125_000, "2 min 5 s"],
  ])("writes %d ms as %s", (durationMs, text) => expect(formatRemaining(durationMs)).toBe(nonBreaking(text)));
});

describe("clipTo", () => {
  it("cuts off what is not there yet", () => expect(clipTo(0.25)).toBe("inset(0 75.0% 0 0)"));
});

describe("formatCount", () => {
  it("rounds and groups thousands", () => expect(formatCount(12_345.6)).toBe("12,346"));
});

describe("percent", () => {
  it("clamps to the ends of a bar", () => {
    expect([percent(-0.3), percent(0.5), percent(7), percent(0 / 0)]).toEqual(["0.0%", "50.0%", "100.0%", "0.0%"]);
  });
});
