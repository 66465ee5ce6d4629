import { describe, expect, it } from "vitest";
import { describeProgress, ProgressLine } from "./progress.ts";

/** A sink and a clock that moves a second a reading. */
function record(isTTY: boolean, stepMs = 1000) {
  const written: string[] = [];
  let nowMs = 0;
  const line = new ProgressLine({ isTTY, write: (text) => written.push(text) }, () => (nowMs += stepMs));
  return { written, line };
}

describe("describeProgress", () => {
  it("gives bytes, rate and time left", () => {
    expect(describeProgress({ phase: "packing", done: 250e6, total: 1e9 }, 50e6)).toBe(
      "packing: 25 %, 250 of 1000 MB, 50 MB/s, 15 s left",
    );
    expect(describeProgress({ phase: "packing", done: 1e9, total: 9e9 }, 4e6)).toMatch(/34 min left$/);
  });

  it("counts products while it computes known answers", () => {
    expect(describeProgress({ phase: "golden", done: 7, total: 252 }, 0.5)).toBe(
      "computing known answers: 2 %, 7 of 252 products, 9 min left",
    );
  });

  it("guesses nothing while there is no rate", () => {
    expect(describeProgress({ phase: "checking", done: 0, total: 5e6 }, NaN)).toBe(
      "hashing the source: 0 %, 0.0 of 5.0 MB",
    );
  });
});

describe("ProgressLine", () => {
  it("counts bytes of a download, and lets notes stand between", () => {
    const { written, line } = record(true);
    line.update({ phase: "downloading", done: 4e6, total: 20e6 });
    line.note("the connection was lost");
    line.update({ phase: "downloading", done: 8e6, total: 20e6 });
    expect(written).toEqual([
      "\r\x1b[Kdownloading: 20 %, 4.0 of 20 MB",
      "\n",
      "the connection was lost\n",
      "\r\x1b[Kdownloading: 40 %, 8.0 of 20 MB, 4.0 MB/s, 3 s left",
    ]);
  });

  it("redraws one line a phase on a terminal", () => {
    const { written, line } = record(true);
    line.update({ phase: "checking", done: 1e6, total: 1e6 });
    line.update({ phase: "packing", done: 5e6, total: 10e6 });
    line.update({ phase: "packing", done: 10e6, total: 10e6 });
    line.end();
    expect(written).toEqual([
      "\r\x1b[Khashing the source: 100 %, 1.0 of 1.0 MB",
      "\n",
      "\r\x1b[Kpacking: 50 %, 5.0 of 10 MB",
      "\r\x1b[Kpacking: 100 %, 10 of 10 MB, 5.0 MB/s",
      "\n",
    ]);
  });

  it("writes whole lines, seconds apart, into a log", () => {
    const { written, line } = record(false);
    for (let done = 0; done <= 20; done++) line.update({ phase: "packing", done: done * 1e6, total: 20e6 });
    line.end();
    expect(written).toHaveLength(5);
    expect(written.every((text) => text.endsWith("\n") && !text.includes("\x1b"))).toBe(true);
    expect(written.at(-1)).toContain("100 %");
  });
});
