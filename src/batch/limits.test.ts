import { describe, expect, it } from "vitest";
import { QUEUE_LIMITS, SYSTEM_CLOCK, TokenBucket, fullLimits, type Clock } from "./limits.ts";

describe("fullLimits", () => {
  it("fills in what is not given, and refuses what would let nothing through", () => {
    const given = { maxConcurrentRequests: 3 };
    expect(fullLimits("bulk", given)).toEqual({ ...QUEUE_LIMITS.bulk, ...given });
    for (const value of [0, -1, NaN]) {
      expect(() => fullLimits("bulk", { maxTokensPerSecond: value })).toThrow(
        expect.objectContaining({ code: "invalid-input" }),
      );
    }
  });
});

describe("TokenBucket", () => {
  it("holds a second's worth, lends what is larger, and lets through again when a quarter second's worth is there", () => {
    let now = 0;
    const clock: Clock = { now: () => now, wait: () => Promise.resolve() };
    const bucket = new TokenBucket(1000, clock);
    now = 60_000;
    expect(bucket.tokens).toBe(1000);
    bucket.take(1500);
    expect(bucket.waitMs).toBe(750);
    now += 500;
    expect(bucket.tokens).toBe(0);
    expect(bucket.waitMs).toBe(250);
    now += 250;
    expect(bucket.waitMs).toBe(0);
  });
});

describe("SYSTEM_CLOCK", () => {
  it("waits no longer than its signal allows", async () => {
    const controller = new AbortController();
    const waiting = SYSTEM_CLOCK.wait(1e9, controller.signal);
    controller.abort();
    await waiting;
    await SYSTEM_CLOCK.wait(1e9, controller.signal);
    await SYSTEM_CLOCK.wait(0, new AbortController().signal);
    expect(SYSTEM_CLOCK.now()).toBeGreaterThan(0);
  });
});
