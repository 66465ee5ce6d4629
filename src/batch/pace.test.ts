import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RunPace } from "./pace.ts";

/** A device with a fixed cost per run, in milliseconds, and a speed in FLOP/s. */
const device = (fixedMs: number, flopsPerSecond: number) => (flops: number) =>
  fixedMs + (1000 * flops) / flopsPerSecond;

function observed(times: (flops: number) => number, sizes: readonly number[], runs = 4): RunPace {
  const pace = new RunPace("gpu");
  for (const flops of sizes) for (let i = 0; i < runs; i++) pace.observe(flops, times(flops));
  return pace;
}

describe("RunPace", () => {
  it("plans finite times after runs that the clock saw no time in", () => {
    const pace = new RunPace("gpu");
    for (let run = 0; run < 3; run++) pace.observe(1e9, 0);
    for (let run = 0; run < 3; run++) pace.observe(1e10, 1);
    for (const flops of [1e9, 2e9, 1e12]) {
      expect(pace.plannedMs(flops)).toBeGreaterThan(0);
      expect(pace.plannedMs(flops)).toBeLessThan(Infinity);
    }
    expect(pace.takeCliff()).toBe(false);
  });

  it("plans by an assumption for the kind of device, and expects nothing, until runs were seen", () => {
    expect(new RunPace("gpu").expectedMs(1e9)).toBeNull();
    const [gpu, wasm, software] = (["gpu", "wasm", "software"] as const).map((kind) =>
      new RunPace(kind).plannedMs(15e9),
    );
    expect(wasm).toBeCloseTo(1000);
    expect(gpu).toBeLessThan(wasm!);
    expect(software).toBeGreaterThan(wasm!);
  });

  it("does not believe the first run of a size, which compiles its shader", () => {
    const pace = new RunPace("gpu");
    pace.observe(1e9, 900);
    expect(pace.expectedMs(1e9)).toBeNull();
    pace.observe(1e9, 3);
    expect(pace.expectedMs(1e9)).toBeCloseTo(3);
  });

  it("tells the cost of a run from the cost of its work", () => {
    const times = device(4, 0.5e12);
    const pace = observed(times, [1e8, 1e9, 8e9, 5e10]);
    for (const flops of [3e8, 2e9, 2e10]) expect(pace.expectedMs(flops)! / times(flops)).toBeCloseTo(1, 1);
  });

  it("never takes a run beyond the largest seen for free, even when all so far cost the same", () => {
    const pace = observed(() => 2, [1e6, 4e6, 16e6]);
    expect(pace.expectedMs(1e10)!).toBeGreaterThan(250);
  });

  it("stays within a fifth of the truth with noise and outliers, for any device", () => {
    const speeds = fc.double({ min: 1e9, max: 1e13, noNaN: true });
    const noise = fc.array(fc.double({ min: 0.9, max: 1.1, noNaN: true }), { minLength: 54, maxLength: 54 });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 5, noNaN: true }), speeds, noise, (fixedMs, speed, factors) => {
        const times = device(fixedMs, speed);
        const pace = new RunPace("gpu");
        const sizes = [1e8, 3e8, 1e9, 3e9, 1e10, 3e10];
        factors.forEach((factor, i) => {
          const flops = sizes[i % sizes.length]!;
          pace.observe(flops, times(flops) * (i < sizes.length ? 50 : i % 17 === 0 ? 8 : factor));
        });
        for (const flops of sizes) expect(Math.abs(pace.expectedMs(flops)! / times(flops) - 1)).toBeLessThan(0.2);
      }),
    );
  });

  it("follows a device that becomes slower", () => {
    const pace = observed(device(0, 1e12), [1e9, 1e10], 20);
    for (let i = 0; i < 9; i++) pace.observe(1e10, 30);
    expect(pace.expectedMs(1e10)).toBeCloseTo(30);
  });

  it("reports a cliff once, after eight runs in a row at a quarter of the best speed", () => {
    const pace = observed(device(0, 1e12), [1e10], 10);
    for (let i = 0; i < 7; i++) pace.observe(1e10, 45);
    expect(pace.takeCliff()).toBe(false);
    pace.observe(1e10, 45);
    expect(pace.takeCliff()).toBe(true);
    for (let i = 0; i < 20; i++) pace.observe(1e10, 45);
    expect(pace.takeCliff()).toBe(false);
  });

  it("takes a slow run among normal ones for noise, and slow first runs of a size for compiling", () => {
    const pace = observed(device(0, 1e12), [1e10], 10);
    for (let i = 0; i < 40; i++) pace.observe(1e10, i % 8 === 7 ? 10 : 100);
    for (let octave = 1; octave < 12; octave++) pace.observe(1e10 * 2 ** octave, 1e7);
    expect(pace.takeCliff()).toBe(false);
  });

  it("measures tokens per second over the last passes", () => {
    const pace = new RunPace("gpu");
    expect(pace.tokensPerSecond).toBeNull();
    pace.observePass(100, 1000);
    expect(pace.tokensPerSecond).toBe(100);
    for (let i = 0; i < 60; i++) pace.observePass(100, 100);
    expect(pace.tokensPerSecond).toBeGreaterThan(900);
  });
});
