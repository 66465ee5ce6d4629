/** @file Tests of recovery: workers are lost, requests are not. */
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import type { EmbedderOptions } from "../embedder.ts";
import { EmbedError } from "../errors.ts";
import { summarize } from "../metrics-report.ts";
import type { LoadRequest } from "../types.ts";
import { START_BUDGET } from "./fixtures/letter-pipeline.ts";
import { crashGpu, failure, openLab, rowsOf } from "../fixtures/recovery-lab.ts";

describe("a lost device", () => {
  it("is replaced, and what waited or came meanwhile gets its answer", async () => {
    const { embedder, loads, states, reached } = await openLab();
    const waiting = [embedder.embed(["first freeze", "ab"]), embedder.embed(["first crash gpu", "c"])];
    const counting = embedder.embed("first freeze").then(() => embedder.countTokens("four"));
    await reached("recovering");
    const meanwhile = embedder.embed("abc");
    expect(await rowsOf(waiting[0]!)).toEqual([12, 0, 2, 1]);
    expect(await rowsOf(waiting[1]!)).toEqual([15, 0, 1, 1]);
    expect(await rowsOf(meanwhile)).toEqual([3, 0]);
    expect(await counting).toBe(4);
    expect(states).toEqual(["ready", "recovering", "ready"]);
    expect(loads.map(({ afterCrash }) => afterCrash)).toEqual([false, true]);
    const recovery = { recoveries: 1, lastLoss: "the GPU device was lost", retryAfterMs: null };
    expect(embedder.status).toMatchObject({ state: "ready", recovery });
  });

  it("leaves requests in their order, and marks those that a worker had already", async () => {
    const { embedder, calls, reached } = await openLab();
    const names = ["first freeze", "first freeze", "first crash gpu", "d", "e"];
    const before = names.slice(0, 3).map((name, index) => embedder.embed([name, String(index)]));
    await reached("recovering");
    const after = names.slice(3).map((name, index) => embedder.embed([name, String(index + 3)]));
    await Promise.all([...before, ...after]);
    const second = calls.filter(({ worker }) => worker === 2);
    expect(second.map(({ inputs }) => inputs[1])).toEqual(["0", "1", "2", "3", "4"]);
    expect(second.map(({ readmitted }) => readmitted)).toEqual([true, true, true, false, false]);
    expect(calls.filter(({ worker }) => worker === 1).some(({ readmitted }) => readmitted)).toBe(false);
  });

  it("rejects at once what asks for that, by request or by embedder", async () => {
    const { embedder, reached } = await openLab();
    const impatient = failure(embedder.embed("freeze", { whenLost: "fail" }));
    const patient = embedder.embed("first crash gpu");
    expect(await impatient).toMatchObject({ code: "device-lost", details: { reason: "unknown" } });
    expect((await patient).rows).toBe(1);
    const { embedder: strict } = await openLab({ whenLost: "fail" });
    expect((await failure(strict.embed("first crash gpu"))).code).toBe("device-lost");
    const late = failure(strict.countTokens("a"));
    const waits = strict.embed("a", { whenLost: "wait" });
    expect((await late).code).toBe("device-lost");
    expect((await waits).rows).toBe(1);
    await reached("ready");
  });

  it("is told by its reason, also when a readback fails before the reason is known", async () => {
    const lab = await openLab();
    await lab.embedder.embed("first fail readback");
    expect(lab.loads[1]?.rememberedBudgets).toEqual({ letters: START_BUDGET / 2 });
  });

  it("asks again with hooks: progress, and a signal that is let go of", async () => {
    const { embedder } = await openLab();
    const { signal } = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ doneTexts }: { doneTexts: number }): number => seen.push(doneTexts);
    await embedder.embed(["first crash gpu", "report often"], { signal, onProgress });
    expect(seen.at(-1)).toBe(1000);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("reports the progress of the load that replaces it", async () => {
    const phases: string[] = [];
    const lab = await openLab({ onProgress: ({ phase }) => phases.push(phase) });
    await crashGpu(lab);
    expect(phases).toEqual(["weights", "self-check", "weights", "self-check"]);
  });

  it("lets the next worker skip executions that gave wrong vectors", async () => {
    const lab = await openLab({ model: "http://localhost/narrow-subgroups" });
    await lab.embedder.embed("first lose device");
    expect(lab.loads.map(({ failedChecks }) => failedChecks?.length)).toEqual([0, 1, 2, 2]);
  });

  it("halves the budget for the next worker, which may use all of the caller's", async () => {
    const lab = await openLab();
    await crashGpu(lab);
    expect(lab.embedder.status.vram).toMatchObject({ budgetBytes: START_BUDGET / 2, budgetSource: "remembered" });
    const own = await openLab({ vramBudgetBytes: 1000 });
    await crashGpu(own);
    expect(own.loads.map(({ vramBudgetBytes }) => vramBudgetBytes)).toEqual([1000, 1000]);
    expect(own.loads.map(({ budgetShare }) => budgetShare)).toEqual([undefined, 1 / 2]);
    expect(own.embedder.status.vram.budgetBytes).toBe(500);
  });

  it("does not disturb a stream", async () => {
    const { embedder } = await openLab();
    const texts = Array.from({ length: 20 }, (_, index) =>
      index % 7 === 5 ? "first crash worker" : "a".repeat(index),
    );
    const lengths: number[] = [];
    for await (const { vector } of embedder.embedStream(texts, { batchTexts: 3 })) lengths.push(vector[0]!);
    expect(lengths).toEqual(texts.map(({ length }) => length));
    expect(embedder.status.recovery.recoveries).toBeGreaterThan(0);
  });
});

describe("GPU crashes in a row", () => {
  it("block after the second, count down, and recover 120 s after the first", async () => {
    const lab = await openLab();
    const { embedder, clock, loads, states, reached } = lab;
    await crashGpu(lab);
    clock.skip(30_000);
    const waiting = embedder.embed(["first crash gpu", "ab"]);
    await reached("gpu-blocked");
    const meanwhile = embedder.embed("abc");
    expect(embedder.status.recovery.retryAfterMs).toBe(90_000);
    clock.advance(89_999);
    expect(embedder.status).toMatchObject({ state: "gpu-blocked", recovery: { recoveries: 1, retryAfterMs: 1 } });
    expect(loads).toHaveLength(2);
    clock.advance(1);
    expect(await rowsOf(waiting)).toEqual([15, 0, 2, 1]);
    expect(await rowsOf(meanwhile)).toEqual([3, 0]);
    expect(states).toEqual(["ready", "recovering", "ready", "gpu-blocked", "recovering", "ready"]);
    expect(embedder.status.recovery).toMatchObject({ recoveries: 2, retryAfterMs: null });
    expect(loads[2]?.rememberedBudgets).toEqual({ letters: START_BUDGET / 4 });
  });

  /** With its third crash under way. */
  async function crashThrice(options: Partial<EmbedderOptions>) {
    const lab = await openLab(options);
    for (let crash = 0; crash < 2; crash++) {
      await crashGpu(lab);
      lab.clock.skip(130_000);
    }
    return { ...lab, third: lab.embedder.embed(["first crash gpu", "ab"]) };
  }

  it("fall back to WebAssembly after the third, say so, and go back when the user wants", async () => {
    const { embedder, third, loads } = await crashThrice({ device: "auto" });
    expect(await rowsOf(third)).toEqual([15, 0, 2, 1]);
    expect(embedder.status).toMatchObject({ state: "ready", device: { kind: "wasm" } });
    expect(embedder.status.device.reason).toContain("no GPU after 3 crashes");
    await embedder.recover();
    expect(embedder.status.device).toMatchObject({ kind: "webgpu", reason: "asked" });
    expect(loads.map(({ device }) => device)).toEqual(["auto", "auto", "auto", "wasm", "auto"]);
    await embedder.recover();
    expect(loads).toHaveLength(5);
  });

  it("leave the GPU wished for: recover() goes back to WebAssembly while the browser blocks, and to the GPU after", async () => {
    let isBlocked = false;
    const { embedder, clock } = await openLab({}, ({ device, afterCrash }) => {
      if (isBlocked && device === "auto" && afterCrash) throw new EmbedError("webgpu-unavailable", "blocked");
    });
    for (let crash = 0; crash < 3; crash++, clock.skip(130_000)) await crashGpu({ embedder });
    isBlocked = true;
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await failure(embedder.recover());
      expect(error).toMatchObject({ code: "webgpu-unavailable", details: { retryAfterMs: 210_000 } });
      expect(embedder.status).toMatchObject({ state: "ready", device: { kind: "wasm" } });
      expect(embedder.status.device.reason).toContain("no GPU after 3 crashes");
    }
    isBlocked = false;
    await embedder.recover();
    expect(embedder.status.device.kind).toBe("webgpu");
  });

  it("are the user's to decide about where WebGPU is demanded", async () => {
    const { embedder, third, loads, states } = await crashThrice({ device: "webgpu" });
    expect(await failure(third)).toMatchObject({ code: "device-lost", details: { crashes: 3, reason: "unknown" } });
    expect(embedder.status.state).toBe("failed");
    expect((await failure(embedder.embed("a"))).code).toBe("device-lost");
    expect((await failure(embedder.countTokens("a"))).code).toBe("device-lost");
    expect(loads).toHaveLength(3);
    await embedder.recover();
    expect((await embedder.embed("a")).rows).toBe(1);
    expect(states.slice(-3)).toEqual(["failed", "recovering", "ready"]);
    await embedder.recover({ device: "wasm" });
    expect(embedder.status.device.kind).toBe("wasm");
  });

  it("end a wait when the user wants", async () => {
    const lab = await openLab();
    await crashGpu(lab);
    const waiting = lab.embedder.embed("first crash gpu");
    await lab.reached("gpu-blocked");
    await lab.embedder.recover();
    expect((await waiting).rows).toBe(1);
    expect(lab.states.slice(-3)).toEqual(["gpu-blocked", "recovering", "ready"]);
  });

  it("wait again when the user ends a wait too early", async () => {
    let isBlocked = true;
    const lab = await openLab({ device: "webgpu" }, ({ afterCrash }) => {
      if (isBlocked && afterCrash) throw new EmbedError("webgpu-unavailable", "blocked");
    });
    const waiting = lab.embedder.embed("first crash gpu");
    await lab.reached("gpu-blocked");
    lab.clock.advance(20_000);
    const recovering = lab.embedder.recover();
    await lab.clock.awaited(100_000);
    expect(lab.embedder.status).toMatchObject({ state: "gpu-blocked", recovery: { retryAfterMs: 100_000 } });
    isBlocked = false;
    lab.clock.advance(100_000);
    await recovering;
    expect((await waiting).rows).toBe(1);
    expect(lab.embedder.status.recovery.recoveries).toBe(1);
  });

  it("are worth one wait where the browser refuses an adapter after the first", async () => {
    const refuse = ({ afterCrash, device }: LoadRequest): void => {
      if (afterCrash && device !== "wasm")
        throw new EmbedError("webgpu-unavailable", "none", { details: { reason: "" } });
    };
    for (const device of ["auto", "webgpu"] as const) {
      const { embedder, clock, loads, reached } = await openLab({ device }, refuse);
      const waiting = embedder.embed("first crash gpu");
      const outcome = waiting.then(
        () => "answered",
        (error: EmbedError) => error.code,
      );
      await reached("gpu-blocked");
      expect(embedder.status.recovery.retryAfterMs).toBe(120_000);
      clock.advance(120_000);
      expect(await outcome).toBe(device === "auto" ? "answered" : "device-lost");
      expect(loads).toHaveLength(device === "auto" ? 4 : 3);
    }
  });
});

describe("losses without a crash", () => {
  it.each([
    ["lose device", "device-lost"],
    ["crash worker", "worker-crashed"],
  ])("reject what three workers died of ('%s'), and nothing else", async (text, code) => {
    const { embedder, loads } = await openLab();
    // Under way when the first worker dies, and so under suspicion after the second.
    const good = Array.from({ length: 5 }, (_, row) => embedder.embed(["first freeze", "a".repeat(row)]));
    const bad = [failure(embedder.embed(text)), failure(embedder.embed([text, "b"]))];
    const late = [embedder.embed("abc"), embedder.countTokens("abc")];
    for (const error of await Promise.all(bad)) {
      expect(error).toMatchObject({ code, details: { losses: 3 } });
    }
    const answers = await Promise.all(good.map(rowsOf));
    expect(answers).toEqual(answers.map((_, row) => [12, 0, row, 1]));
    await Promise.all(late);
    // Two with all of them, one with each of the bad ones alone, and the last.
    expect(loads).toHaveLength(5);
    expect(embedder.status.state).toBe("ready");
  });

  it("are not replaced for ever while other requests are answered", async () => {
    const { embedder, loads } = await openLab();
    const bad = failure(embedder.embed(["work", "crash worker"]));
    let isOver = false;
    void bad.then(() => (isOver = true));
    while (!isOver) await embedder.embed("a");
    expect((await bad).details["losses"]).toBe(3);
    expect(loads).toHaveLength(4);
  });

  it("do not fail what is asked while many requests are bad", async () => {
    const { embedder } = await openLab();
    const bad = Array.from({ length: 8 }, () => failure(embedder.embed("crash worker")));
    const good = embedder.embed("abc");
    for (const error of await Promise.all(bad)) expect(error.details["losses"]).toBe(3);
    expect(await rowsOf(good)).toEqual([3, 0]);
  });

  it("end after five in a row that no request is to blame for", async () => {
    const { embedder, loads, states } = await openLab({}, (_, count) => {
      if (count > 1 && count < 7) throw new EmbedError("worker-crashed", "dies in its load");
    });
    const error = await failure(embedder.embed("first lose device"));
    expect(error.code).toBe("worker-crashed");
    expect(error.message).toContain("again and again");
    expect(loads).toHaveLength(6);
    expect(states.at(-1)).toBe("failed");
    await embedder.recover();
    expect((await embedder.embed("a")).rows).toBe(1);
  });

  it("never end while requests are answered in between", async () => {
    const { embedder, loads } = await openLab();
    for (let loss = 0; loss < 12; loss++) await embedder.embed("first lose device");
    expect(loads).toHaveLength(13);
  });

  it("find a worker that somebody terminated, which fires no event", async () => {
    const { embedder, clock, ports, states } = await openLab();
    const waiting = embedder.embed(["first freeze", "ab"]);
    ports[0]!.terminate();
    clock.advance(5_000);
    expect(await rowsOf(waiting)).toEqual([12, 0, 2, 1]);
    expect(states).toEqual(["ready", "recovering", "ready"]);
    const [misses] = embedder.metrics().strata_watchdog_misses_total;
    expect(misses?.value).toBe(1);
  });

  it("find a run that never ends, though the worker answers", async () => {
    const { embedder, clock } = await openLab();
    const waiting = embedder.embed(["first run for ever", "ab"]);
    await embedder.countTokens("a");
    for (let second = 0; second < 29; second++) {
      clock.advance(1_000);
      await embedder.countTokens("a");
    }
    expect(embedder.status.recovery.recoveries).toBe(0);
    clock.advance(1_000);
    expect(await rowsOf(waiting)).toEqual([18, 0, 2, 1]);
    expect(embedder.status.recovery.lastLoss).toContain("30000 ms");
  });
});

describe("metrics", () => {
  it("count requests by outcome, and never go back when a worker is replaced", async () => {
    const { embedder } = await openLab();
    await embedder.embed(["a", "b"]);
    await failure(embedder.embed("be refused"));
    expect(summarize(embedder.metrics())).toMatchObject({ requests: { ok: 1, failed: 1 }, texts: 2, recoveries: 0 });
    await embedder.embed(["first crash gpu", "b", "c"], { priority: "bulk" });
    const summary = summarize(embedder.metrics());
    expect(summary).toMatchObject({ requests: { ok: 2, failed: 1 }, texts: 5, recoveries: 1 });
    expect(summary.latency).toMatchObject({ normal: { count: 1 }, bulk: { count: 1 }, interactive: null });
    const { strata_requests_total: requests, strata_recoveries_total: recoveries } = embedder.metrics();
    expect(requests).toContainEqual({ labels: { priority: "normal", outcome: "invalid-input" }, value: 1 });
    expect(recoveries).toEqual([{ labels: { cause: "device-lost" }, value: 1 }]);
  });

  it("count no recovery when the user takes another device", async () => {
    const { embedder } = await openLab();
    await embedder.recover({ device: "wasm" });
    expect(embedder.status.recovery).toEqual({ recoveries: 0, lastLoss: null, retryAfterMs: null });
    expect(embedder.metrics().strata_recoveries_total).toEqual([]);
  });
});
