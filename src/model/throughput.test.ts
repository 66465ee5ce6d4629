/** @file Speed over a sliding window. */
import { describe, expect, it } from "vitest";
import { Throughput, WINDOW_MS } from "./throughput.ts";

const MB = 1_000_000;

describe("Throughput", () => {
  it("says nothing before there is something to go by", () => {
    const throughput = new Throughput(0);
    throughput.add(MB, 10);
    expect(throughput.bytesPerSecond(20)).toBeNull();
  });

  it("divides by the time since the start while that is shorter than the window", () => {
    const throughput = new Throughput(1000);
    throughput.add(MB, 1500);
    throughput.add(MB, 2000);
    expect(throughput.bytesPerSecond(3000)).toBe(MB);
  });

  it("forgets what is older than the window", () => {
    const throughput = new Throughput(0);
    throughput.add(100 * MB, 0);
    for (let now = 1000; now <= 20_000; now += 1000) throughput.add(MB, now);
    // Both ends of the window count.
    expect(throughput.bytesPerSecond(20_000)).toBe((MB * (WINDOW_MS / 1000 + 1)) / (WINDOW_MS / 1000));
  });

  it("falls to 0 when nothing comes", () => {
    const throughput = new Throughput(0);
    throughput.add(MB, 1000);
    expect(throughput.bytesPerSecond(1000 + 2 * WINDOW_MS)).toBe(0);
  });

  it("takes back what was worthless, and is never negative", () => {
    const throughput = new Throughput(0);
    throughput.add(3 * MB, 500);
    throughput.add(-2 * MB, 900);
    expect(throughput.bytesPerSecond(1000)).toBe(MB);
    throughput.add(-5 * MB, 1000);
    expect(throughput.bytesPerSecond(1000)).toBe(0);
  });
});
