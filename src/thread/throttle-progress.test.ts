/** @file Tests of the progress throttle. */
import { describe, expect, it } from "vitest";
import type { DownloadProgress } from "../delivery.ts";
import type { LoadPhase, LoadProgress } from "../types.ts";
import { throttleProgress } from "./throttle-progress.ts";

const DOWNLOAD: DownloadProgress = {
  phase: "download",
  loadedBytes: 0,
  totalBytes: 9,
  bytesPerSecond: null,
  remainingMs: null,
  by: "here",
  trouble: null,
};

function setUp() {
  const clock = { ms: 0 };
  const sent: LoadProgress[] = [];
  const throttle = throttleProgress<LoadProgress>(
    (progress) => sent.push(progress),
    () => clock.ms,
  );
  const report = (ms: number, loadedBytes: number, phase: LoadPhase = "weights"): void => {
    clock.ms = ms;
    throttle.report({ phase, loadedBytes, totalBytes: 9, download: null });
  };
  return { report, throttle, bytes: () => sent.map((progress) => progress.loadedBytes) };
}

describe("throttleProgress", () => {
  it("passes on the first progress at once and one every 50 ms after it", () => {
    const { report, bytes } = setUp();
    for (let ms = 0; ms <= 120; ms += 10) report(ms, ms);
    expect(bytes()).toEqual([0, 50, 100]);
  });

  it("passes on a change of phase at once", () => {
    const { report, bytes } = setUp();
    report(0, 1);
    report(1, 2);
    report(2, 3, "session");
    expect(bytes()).toEqual([1, 3]);
  });

  it("passes on at once that a connection is lost, and that it is back", () => {
    const sent: (string | null)[] = [];
    const throttle = throttleProgress<DownloadProgress>(
      ({ trouble }) => sent.push(trouble),
      () => 0,
    );
    for (const trouble of [null, null, "no connection", "no connection", null]) {
      throttle.report({ ...DOWNLOAD, trouble });
    }
    expect(sent).toEqual([null, "no connection", null]);
  });

  it("passes on the news of a download inside a load", () => {
    const sent: (string | undefined)[] = [];
    const throttle = throttleProgress<LoadProgress>(
      ({ download }) => sent.push(download?.by),
      () => 0,
    );
    const load = { phase: "download", loadedBytes: 0, totalBytes: 9 } as const;
    throttle.report({ ...load, download: { ...DOWNLOAD, by: "another-tab" } });
    throttle.report({ ...load, download: { ...DOWNLOAD, by: "another-tab", loadedBytes: 1 } });
    throttle.report({ ...load, download: { ...DOWNLOAD, by: "here" } });
    expect(sent).toEqual(["another-tab", "here"]);
  });

  it("sends the progress it held back when flushed, once", () => {
    const { report, throttle, bytes } = setUp();
    report(0, 1);
    report(1, 2);
    report(2, 3);
    throttle.flush();
    throttle.flush();
    expect(bytes()).toEqual([1, 3]);
  });

  it("has nothing to flush when all was sent", () => {
    const { report, throttle, bytes } = setUp();
    throttle.flush();
    report(0, 1);
    throttle.flush();
    expect(bytes()).toEqual([1]);
  });
});
