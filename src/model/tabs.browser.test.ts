/** @file Turns of writers, with the browser's own locks and channels; a worker that is killed gives its turn back. */
import { describe, expect, it } from "vitest";
import type { DownloadProgress } from "../delivery.ts";
import { writeLockName } from "./store/locks.ts";
import { takeTurn } from "./tabs.ts";

const PROGRESS: DownloadProgress = {
  phase: "download",
  loadedBytes: 1,
  totalBytes: 10,
  bytesPerSecond: null,
  remainingMs: null,
  by: "here",
  trouble: null,
};

/** What resolves from outside. */
function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

/** @returns What the first progress is that a waiting tab hears of, and its turn. */
function waitInLine(id: string, signal?: AbortSignal) {
  let turn = Promise.resolve("");
  const heard = new Promise<DownloadProgress>((onProgress) => {
    turn = takeTurn(id, { onProgress, signal }, async () => "mine");
  });
  return { heard, turn };
}

describe("takeTurn", () => {
  it("shows whoever waits how the one at work gets on, the latest at once", async () => {
    const { open, opened } = gate();
    const announced = gate();
    const first = takeTurn("a", {}, async (announce) => {
      announce(PROGRESS);
      announce({ ...PROGRESS, loadedBytes: 5 });
      announced.open();
      await opened;
      return "first";
    });
    await announced.opened;
    const second = waitInLine("a");
    expect(await second.heard).toEqual({ ...PROGRESS, loadedBytes: 5, by: "another-tab" });
    open();
    expect(await first).toBe("first");
    expect(await second.turn).toBe("mine");
  });

  it("lets packs be written side by side", async () => {
    const inner = takeTurn("b", {}, () => takeTurn("c", {}, async () => "both"));
    expect(await inner).toBe("both");
  });

  it("ends the wait when the caller calls it off, and leaves the one at work alone", async () => {
    const { open, opened } = gate();
    const first = takeTurn("d", {}, async (announce) => {
      announce(PROGRESS);
      await opened;
      return "first";
    });
    const controller = new AbortController();
    const second = waitInLine("d", controller.signal);
    await second.heard;
    controller.abort();
    await expect(second.turn).rejects.toMatchObject({ code: "aborted" });
    open();
    expect(await first).toBe("first");
  });

  it("passes the turn on when the one at work fails", async () => {
    const { open, opened } = gate();
    const first = takeTurn("e", {}, async () => {
      await opened;
      throw new RangeError("its own failure");
    });
    const second = waitInLine("e");
    open();
    await expect(first).rejects.toThrow(RangeError);
    expect(await second.turn).toBe("mine");
  });

  it("passes the turn on when the worker that has it is killed", async () => {
    const script = `navigator.locks.request(${JSON.stringify(writeLockName("f"))}, () => {
      postMessage("held");
      return new Promise(() => undefined);
    });`;
    const worker = new Worker(URL.createObjectURL(new Blob([script])));
    await new Promise((held) => worker.addEventListener("message", held, { once: true }));
    const second = waitInLine("f");
    worker.terminate();
    expect(await second.turn).toBe("mine");
  });
});
