/** @file What a download tells of itself. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DownloadProgress } from "../delivery.ts";
import { DownloadMeter } from "./download-meter.ts";

function meterOf(totalBytes: number) {
  const told: DownloadProgress[] = [];
  const clock = { now: 0 };
  const meter = new DownloadMeter(
    totalBytes,
    (progress) => told.push(progress),
    () => clock.now,
  );
  return { meter, told, clock, last: () => told.at(-1) };
}

describe("DownloadMeter", () => {
  it("knows the total from the start of the download, and counts what was there as loaded but not as speed", () => {
    const { meter, clock, last } = meterOf(1000);
    meter.enter("download", 600);
    expect(last()).toMatchObject({ phase: "download", loadedBytes: 600, totalBytes: 1000, bytesPerSecond: null });
    clock.now = 1000;
    meter.add(100);
    expect(last()).toMatchObject({ loadedBytes: 700, bytesPerSecond: 100, remainingMs: 3000 });
  });

  it("never goes back within a phase, whatever is taken back", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 100 })), (deltas) => {
        const { meter, told } = meterOf(10_000);
        meter.enter("download");
        for (const delta of deltas) meter.add(delta);
        for (const [i, { loadedBytes }] of told.entries())
          expect(loadedBytes).toBeGreaterThanOrEqual(told[i - 1]?.loadedBytes ?? 0);
      }),
    );
  });

  it("stands still until bytes that were taken back have come again", () => {
    const { meter, last } = meterOf(1000);
    meter.enter("download");
    meter.add(500);
    meter.add(-500);
    meter.add(400);
    expect(last()?.loadedBytes).toBe(500);
    meter.add(200);
    expect(last()?.loadedBytes).toBe(600);
  });

  it("counts anew when everything is read back", () => {
    const { meter, last } = meterOf(1000);
    meter.enter("download");
    meter.add(1000);
    meter.enter("verify");
    expect(last()).toMatchObject({ phase: "verify", loadedBytes: 0, totalBytes: 1000 });
  });

  it("names the trouble of one file until that file's bytes flow again, whatever the others do", () => {
    const { meter, last } = meterOf(1000);
    meter.enter("download");
    meter.trouble("a.bin", "HTTP 500");
    meter.add(10);
    meter.trouble("b.bin", null);
    expect(last()?.trouble).toBe("HTTP 500");
    meter.trouble("a.bin", null);
    expect(last()?.trouble).toBeNull();
  });

  it("forgets the speed from before a trouble, and shows that of the other files", () => {
    const { meter, clock, last } = meterOf(1000);
    meter.enter("download");
    clock.now = 1000;
    meter.add(100);
    meter.trouble("a.bin", "HTTP 500");
    expect(last()).toMatchObject({ bytesPerSecond: 0, remainingMs: null, trouble: "HTTP 500" });
    clock.now = 2000;
    meter.add(10);
    expect(last()).toMatchObject({ bytesPerSecond: 10, remainingMs: 89_000, trouble: "HTTP 500" });
  });
});
