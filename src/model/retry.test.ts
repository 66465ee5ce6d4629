/** @file Which failures are tried again, when, and how often. */
import { afterEach, describe, expect, it, vi } from "vitest";

import { EmbedError } from "../errors.ts";
import type { ErrorDetails } from "../errors.ts";
import { delay, isTransient, MAX_FAILURES, MAX_RETRY_AFTER_MS, retryTransient } from "./retry.ts";

const failure = (details: ErrorDetails = {}): EmbedError => new EmbedError("model-fetch-failed", "no", { details });

/** Runs attempts that fail with these in turn, then succeed. */
async function run(
  errors: readonly Error[],
  { random = 0, maxFailures }: { readonly random?: number; readonly maxFailures?: number } = {},
): Promise<{ waits: number[]; result: unknown }> {
  const waits: number[] = [];
  const left = [...errors];
  const attempt = async (): Promise<string> => {
    const error = left.shift();
    if (error) throw error;
    return "done";
  };
  const wait = async (ms: number): Promise<void> => void waits.push(ms);
  const result: unknown = await retryTransient(attempt, { wait, random: () => random, maxFailures }).catch(
    (error: unknown) => error,
  );
  return { waits, result };
}

afterEach(() => vi.unstubAllGlobals());

describe("isTransient", () => {
  it.each([408, 425, 429, 500, 502, 503, 504, 520, 524, 529])("takes HTTP %i for something that passes", (status) => {
    expect(isTransient(failure({ status }))).toBe(true);
  });

  it.each([200, 204, 400, 401, 403, 404, 410, 416, 501, 505, 511])("takes HTTP %i for an answer", (status) => {
    expect(isTransient(failure({ status }))).toBe(false);
  });

  it("tries again what was broken on the way, unless it is known to stay so", () => {
    expect(isTransient(failure())).toBe(true);
    expect(isTransient(new EmbedError("model-corrupt", "wrong"))).toBe(true);
    expect(isTransient(new EmbedError("model-corrupt", "wrong", { details: { persistent: true } }))).toBe(false);
    expect(isTransient(failure({ persistent: true }))).toBe(false);
    for (const code of ["storage-full", "aborted", "model-not-found"] as const) {
      expect(isTransient(new EmbedError(code, "no"))).toBe(false);
    }
    expect(isTransient(new TypeError("a bug"))).toBe(false);
  });
});

describe("retryTransient", () => {
  it("waits twice as long each time, less up to half", async () => {
    const failures = Array.from({ length: 5 }, () => failure());
    expect(await run(failures)).toEqual({ waits: [500, 1000, 2000, 4000, 8000], result: "done" });
    expect((await run(failures, { random: 0.5 })).waits).toEqual([375, 750, 1500, 3000, 6000]);
  });

  it("gives up after so many failures in a row", async () => {
    const failures = Array.from({ length: MAX_FAILURES }, () => failure());
    const { waits, result } = await run(failures);
    expect([waits.length, result]).toEqual([MAX_FAILURES - 1, failures.at(-1)]);
    expect((await run(failures.slice(0, 2), { maxFailures: 2 })).result).toBe(failures[1]);
  });

  it("lasts about a minute until then", async () => {
    const failures = Array.from({ length: MAX_FAILURES }, () => failure());
    const totalMs = async (random: number): Promise<number> =>
      (await run(failures, { random })).waits.reduce((sum, ms) => sum + ms, 0);
    expect([await totalMs(1), await totalMs(0)]).toEqual([30_750, 61_500]);
  });

  it("counts anew when an attempt gets further", async () => {
    let attempts = 0;
    const attempt = async (kept: () => void): Promise<number> => {
      if (++attempts > 3 * MAX_FAILURES) return attempts;
      if (attempts % 3 === 0) kept();
      throw failure();
    };
    expect(await retryTransient(attempt, { wait: async () => undefined })).toBe(3 * MAX_FAILURES + 1);
  });

  it("waits for as long as the server asks, up to a limit", async () => {
    expect((await run([failure({ retryAfterMs: MAX_RETRY_AFTER_MS })])).waits).toEqual([MAX_RETRY_AFTER_MS]);
    const asksTooMuch = failure({ retryAfterMs: MAX_RETRY_AFTER_MS + 1 });
    expect(await run([asksTooMuch])).toEqual({ waits: [], result: asksTooMuch });
  });

  it("tells of a failure before it waits", async () => {
    const told: unknown[] = [];
    const errors = [failure()];
    await retryTransient(async () => Promise.reject(errors.pop() ?? new Error("end")), {
      onFailure: (error, waitMs) => told.push([error.code, waitMs]),
      wait: async () => void told.push("waits"),
      random: () => 0,
    }).catch((error: unknown) => told.push((error as Error).message));
    expect(told).toEqual([["model-fetch-failed", 500], "waits", "end"]);
  });

  const offline = new EmbedError("model-fetch-failed", "no network", { details: { offline: true } });

  function goOffline() {
    const network = Object.assign(new EventTarget(), { onLine: false });
    vi.stubGlobal("navigator", network);
    vi.stubGlobal("addEventListener", network.addEventListener.bind(network));
    vi.stubGlobal("removeEventListener", network.removeEventListener.bind(network));
    return network;
  }

  it("gives up at once without a network, or goes on when there is one again", async () => {
    const network = goOffline();
    const attempt = vi.fn(() => (network.onLine ? Promise.resolve("there") : Promise.reject(offline)));
    await expect(retryTransient(attempt)).rejects.toBe(offline);
    expect(attempt).toHaveBeenCalledTimes(1);
    const waiting = retryTransient(attempt, { offline: "wait" });
    await vi.waitUntil(() => attempt.mock.calls.length === 2);
    network.onLine = true;
    network.dispatchEvent(new Event("online"));
    await expect(waiting).resolves.toBe("there");
    const controller = new AbortController();
    network.onLine = false;
    const { signal } = controller;
    const called = retryTransient(attempt, { offline: "wait", signal, onFailure: () => controller.abort() });
    await expect(called).rejects.toMatchObject({ code: "aborted" });
  });

  it("tries again every half minute without a network, as the browser may be wrong", async () => {
    goOffline();
    const waits: number[] = [];
    const attempt = vi.fn(() => (waits.length < 20 ? Promise.reject(offline) : Promise.resolve("there")));
    const wait = async (ms: number): Promise<void> => void waits.push(ms);
    await expect(retryTransient(attempt, { offline: "wait", wait })).resolves.toBe("there");
    expect(waits).toEqual(new Array(20).fill(30_000));
  });

  it("ends with aborted, whatever else is wrong", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const attempt = async (): Promise<never> => {
      controller.abort("enough");
      throw failure();
    };
    await expect(retryTransient(attempt, { signal })).rejects.toMatchObject({ code: "aborted", cause: "enough" });
  });
});

describe("delay", () => {
  it("ends in time or when called off, and leaves nothing behind", async () => {
    vi.useFakeTimers();
    const controller = new AbortController();
    const [timed, calledOff] = [delay(100), delay(1e6, controller.signal)];
    await vi.advanceTimersByTimeAsync(100);
    await timed;
    controller.abort();
    await calledOff;
    expect(vi.getTimerCount()).toBe(0);
    await delay(1e6, controller.signal);
    vi.useRealTimers();
  });
});
