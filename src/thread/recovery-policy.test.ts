/** @file Tests of when a lost device or worker is replaced. */
import { describe, expect, it } from "vitest";
import { EmbedError } from "../errors.ts";
import { MapStorage } from "./fixtures/map-storage.ts";
import { pageRecall } from "./recall.ts";
import { isLoss, RecoveryPolicy } from "./recovery-policy.ts";

const CRASH = new EmbedError("device-lost", "crashed", { details: { reason: "unknown" } });
const DESTROYED = new EmbedError("device-lost", "destroyed", { details: { reason: "destroyed" } });
const WORKER = new EmbedError("worker-crashed", "gone");

/** Embedders that share a storage and a clock. */
function world() {
  const storage = new MapStorage();
  const time = { seconds: 1_000 };
  const policy = (name = "a") =>
    new RecoveryPolicy({ recall: pageRecall(() => storage), now: () => time.seconds * 1_000, name });
  return { storage, time, policy };
}

describe("RecoveryPolicy", () => {
  it("recovers at once from the first crash", () => {
    expect(world().policy().lost(CRASH)).toEqual({ kind: "recover" });
  });

  it("waits after a second crash until 120 s after the first", () => {
    const { time, policy } = world();
    const judge = policy();
    judge.lost(CRASH);
    time.seconds += 50;
    expect(judge.lost(CRASH)).toEqual({ kind: "wait", retryAfterMs: 70_000 });
    time.seconds += 69;
    expect(judge.retryAfterMs).toBe(1_000);
    expect(judge.standing).toEqual({ kind: "wait", retryAfterMs: 1_000 });
    time.seconds += 1;
    expect(judge.retryAfterMs).toBe(0);
    expect(judge.standing).toEqual({ kind: "recover" });
  });

  it("recovers at once from a second crash when 120 s have passed", () => {
    const { time, policy } = world();
    const judge = policy();
    judge.lost(CRASH);
    time.seconds += 120;
    expect(judge.lost(CRASH)).toEqual({ kind: "recover" });
  });

  it("leaves the GPU alone after a third crash within ten minutes", () => {
    const { time, policy } = world();
    const judge = policy();
    judge.lost(CRASH);
    time.seconds += 250;
    judge.lost(CRASH);
    time.seconds += 250;
    expect(judge.lost(CRASH)).toEqual({ kind: "no-gpu" });
    expect(judge.crashes).toBe(3);
    expect(judge.retryAfterMs).toBe(100_000);
  });

  it("recovers at once from crashes ten minutes apart, for ever", () => {
    const { time, policy } = world();
    const judge = policy();
    for (let crash = 0; crash < 50; crash++, time.seconds += 300) {
      expect(judge.lost(CRASH)).toEqual({ kind: "recover" });
    }
  });

  it("remembers crashes across a reload", () => {
    const { time, policy } = world();
    policy("before").lost(CRASH);
    time.seconds += 1;
    expect(policy("after").crashes).toBe(1);
    time.seconds += 3;
    expect(policy("after").lost(CRASH)).toEqual({ kind: "wait", retryAfterMs: 116_000 });
  });

  it("counts one crash once, however many embedders see it", () => {
    const { time, policy } = world();
    const tabs = [policy("a"), policy("b"), policy("c")];
    for (const tab of tabs) expect(tab.lost(CRASH)).toEqual({ kind: "recover" });
    time.seconds += 2;
    expect(tabs.map((tab) => tab.lost(CRASH).kind)).toEqual(["wait", "wait", "wait"]);
    expect(tabs[0]!.crashes).toBe(2);
  });

  it.each(["", "{", "7", "[null, 3, {}]", '[{"at":"1"}]', '[{"at":9e99,"by":"a"}]'])(
    "ignores %j in storage",
    (text) => {
      const { storage, policy } = world();
      storage.setItem("strata:gpu-crashes:1", text);
      expect(policy().crashes).toBe(0);
      expect(policy().lost(CRASH)).toEqual({ kind: "recover" });
    },
  );

  it.each([DESTROYED, WORKER])("recovers from $code without a crash, five times in a row", (error) => {
    const judge = world().policy();
    const kinds = Array.from({ length: 6 }, () => judge.lost(error).kind);
    expect(kinds).toEqual([...Array<string>(5).fill("recover"), "give-up"]);
    expect(judge.crashes).toBe(0);
  });

  it("counts anew when a request was answered in between", () => {
    const judge = world().policy();
    for (let loss = 0; loss < 20; loss++) {
      expect(judge.lost(WORKER).kind).toBe("recover");
      if (loss % 5 === 4) judge.served();
    }
  });

  it("waits once for an adapter that is refused, until 120 s after the crash", () => {
    const { time, policy } = world();
    const judge = policy();
    judge.lost(CRASH);
    time.seconds += 20;
    expect(judge.refused()).toEqual({ kind: "wait", retryAfterMs: 100_000 });
    time.seconds += 100;
    expect(judge.refused()).toEqual({ kind: "no-gpu" });
  });

  it("waits 120 s from the latest crash for an adapter that is refused", () => {
    const { time, policy } = world();
    const judge = policy();
    judge.lost(CRASH);
    time.seconds += 200;
    judge.lost(CRASH);
    time.seconds += 20;
    expect(judge.refused()).toEqual({ kind: "wait", retryAfterMs: 100_000 });
  });

  it("waits once more for an adapter that is refused when the user has asked for it", () => {
    const { time, policy } = world();
    const judge = policy();
    judge.lost(CRASH);
    expect(judge.refused().kind).toBe("wait");
    judge.served();
    time.seconds += 20;
    judge.asked();
    expect(judge.refused()).toEqual({ kind: "wait", retryAfterMs: 100_000 });
    expect(judge.refused()).toEqual({ kind: "no-gpu" });
  });

  it("waits 120 s for an adapter that is refused for somebody else's crash", () => {
    const judge = world().policy();
    judge.lost(DESTROYED);
    expect(judge.refused()).toEqual({ kind: "wait", retryAfterMs: 120_000 });
    expect(judge.refused()).toEqual({ kind: "no-gpu" });
  });
});

describe("isLoss", () => {
  it("tells a device that was lost in its self-check from one that gave wrong answers", () => {
    expect(isLoss(CRASH)).toBe(true);
    expect(isLoss(WORKER)).toBe(true);
    expect(isLoss(new EmbedError("numeric-fault", "", { details: { selfCheck: {}, reason: "unknown" } }))).toBe(true);
    expect(isLoss(new EmbedError("numeric-fault", "", { details: { selfCheck: {} } }))).toBe(false);
    expect(isLoss(new EmbedError("out-of-memory", ""))).toBe(false);
  });
});
