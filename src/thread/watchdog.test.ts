/** @file Tests of what counts as frozen. */
import { describe, expect, it } from "vitest";
import { Watchdog, type WatchdogLimits, type WorkerActivity } from "./watchdog.ts";

const GPU: WorkerActivity = { loading: false, blocking: false };
const WASM: WorkerActivity = { loading: false, blocking: true };
const LOADING: WorkerActivity = { loading: true, blocking: true };

/** A watchdog, and ticks at their interval until it barks. */
function watch(limits: WatchdogLimits = {}) {
  const time = { ms: 0 };
  const watchdog = new Watchdog(limits, () => time.ms);
  const tick = (activity: WorkerActivity, afterMs = watchdog.intervalMs): string | null => {
    time.ms += afterMs;
    return watchdog.tick(activity);
  };
  /** @returns Milliseconds until it barked, `Infinity` for an hour of silence. */
  const barksAfter = (activity: WorkerActivity): number => {
    const begun = time.ms;
    while (time.ms - begun < 3_600_000) if (tick(activity) !== null) return time.ms - begun;
    return Infinity;
  };
  return { watchdog, tick, barksAfter };
}

describe("Watchdog", () => {
  it("finds a silent worker after 5 s, a loading one after 30 s", () => {
    expect(watch().barksAfter(GPU)).toBe(5_000);
    expect(watch().barksAfter(WASM)).toBe(5_000);
    expect(watch().barksAfter(LOADING)).toBe(30_000);
  });

  it("is content while the worker says anything", () => {
    const { watchdog, tick } = watch();
    for (let ticks = 0; ticks < 100; ticks++) {
      expect(tick(GPU)).toBeNull();
      if (ticks % 9 === 0) watchdog.heard();
    }
  });

  it("lets a blocked thread be silent in a run, and a free one not", () => {
    const blocked = watch();
    blocked.watchdog.run({ kind: "run-start", expectedMs: 100 });
    expect(blocked.barksAfter(WASM)).toBe(30_000);
    const free = watch();
    free.watchdog.run({ kind: "run-start", expectedMs: 100 });
    expect(free.barksAfter(GPU)).toBe(5_000);
  });

  it("gives a run 30 s, twenty times what is expected, or 120 s when nothing is known", () => {
    const deadline = (expectedMs: number | null): number => {
      const { watchdog, barksAfter } = watch({ pingMs: Infinity });
      watchdog.run({ kind: "run-start", expectedMs });
      return barksAfter(GPU);
    };
    expect(deadline(1)).toBe(30_000);
    expect(deadline(8_000)).toBe(160_000);
    expect(deadline(null)).toBe(120_000);
  });

  it("times the run that the device is at, not those queued behind it", () => {
    const { watchdog, tick, barksAfter } = watch({ pingMs: Infinity });
    watchdog.run({ kind: "run-start", expectedMs: 1 });
    for (let run = 0; run < 10; run++) {
      watchdog.run({ kind: "run-start", expectedMs: 1 });
      for (let ticks = 0; ticks < 50; ticks++) expect(tick(GPU)).toBeNull();
      watchdog.run({ kind: "run-end" });
    }
    expect(barksAfter(GPU)).toBe(30_000);
  });

  it("forgets a run that has ended", () => {
    const { watchdog, barksAfter } = watch({ pingMs: Infinity });
    watchdog.run({ kind: "run-start", expectedMs: 1 });
    watchdog.run({ kind: "run-end" });
    expect(barksAfter(GPU)).toBe(Infinity);
  });

  it("counts a late tick as two at most, so a page that was frozen suspects nobody", () => {
    const { tick } = watch();
    for (let ticks = 0; ticks < 4; ticks++) expect(tick(GPU, 600_000)).toBeNull();
    expect(tick(GPU, 60_000)).not.toBeNull();
  });

  it("is not disturbed by a clock that is set back", () => {
    const { tick, barksAfter } = watch();
    expect(tick(GPU, -3_600_000)).toBeNull();
    expect(barksAfter(GPU)).toBe(5_000);
  });

  it("starts anew after a time in which nobody ticked", () => {
    const { watchdog, tick, barksAfter } = watch();
    for (let ticks = 0; ticks < 5; ticks++) tick(GPU);
    watchdog.start();
    expect(barksAfter(GPU)).toBe(5_000);
  });

  it("takes other limits, or none", () => {
    expect(watch({ pingMs: 100 }).barksAfter(GPU)).toBe(100);
    const { watchdog, barksAfter } = watch({ pingMs: Infinity, runMs: Infinity });
    watchdog.run({ kind: "run-start", expectedMs: 1 });
    expect(barksAfter(GPU)).toBe(Infinity);
  });
});
