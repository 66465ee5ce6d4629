import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { takeWindow } from "./fair-window.ts";
import { Job, tokensOf, type JobItem } from "./job.ts";

const jobOf = (lengths: readonly number[]): Job =>
  new Job(
    lengths.map((length) => new Int32Array(length)),
    {},
    { now: 0, onSettled: () => undefined },
  );

/** All windows until nothing waits. */
function windowsOf(jobs: readonly Job[], tokens: number): JobItem[][] {
  const windows: JobItem[][] = [];
  for (;;) {
    const items = takeWindow(jobs, { tokens, number: windows.length });
    if (items.length === 0) return windows;
    windows.push(items);
  }
}

describe("takeWindow", () => {
  it("serves a small job beside a huge one in the next window", () => {
    const [huge, small] = [jobOf(Array<number>(2000).fill(100)), jobOf([30, 40])];
    const items = takeWindow([huge, small], { tokens: 2000, number: 0 });
    expect(items.filter(({ job }) => job === small)).toHaveLength(2);
    expect(tokensOf(items)).toBeGreaterThan(1800);
  });

  it("gathers jobs of one text each", () => {
    const jobs = Array.from({ length: 1000 }, () => jobOf([8]));
    expect(windowsOf(jobs, 4096).map(({ length }) => length)).toEqual([512, 488]);
  });

  it("splits a window evenly among jobs that have enough, by tokens and not by texts", () => {
    const [short, long] = [jobOf(Array<number>(4000).fill(10)), jobOf(Array<number>(40).fill(1000))];
    const windows = windowsOf([short, long], 8000).slice(0, 4);
    const tokens = (job: Job): number => tokensOf(windows.flat().filter((item) => item.job === job));
    expect(tokens(short) / tokens(long)).toBeCloseTo(1, 0);
  });

  it("takes a text longer than the window when its share has grown to it, however many short ones come", () => {
    const long = jobOf([5000]);
    const jobs = [long];
    let windows = 0;
    while (long.nextTokens < Infinity) {
      jobs.push(jobOf(Array<number>(100).fill(10)));
      takeWindow(jobs, { tokens: 1000, number: windows++ });
    }
    expect(windows).toBeLessThan(30);
  });

  it("takes every sequence once, each job's shortest first, within the window unless one alone exceeds it", () => {
    const lengths = fc.array(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 1000 }), (all, tokens) => {
        const jobs = all.map(jobOf);
        const windows = windowsOf(jobs, tokens);
        for (const items of windows) if (items.length > 1) expect(tokensOf(items)).toBeLessThanOrEqual(tokens);
        for (const [i, job] of jobs.entries()) {
          const own = windows.flat().filter((item) => item.job === job);
          expect(own.map(({ index }) => index).sort((a, b) => a - b)).toEqual(all[i]!.map((_, index) => index));
          expect(own.map(({ inputIds }) => inputIds.length)).toEqual(all[i]!.toSorted((a, b) => a - b));
        }
      }),
    );
  });
});
