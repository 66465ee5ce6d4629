/** @file Tests of loads that fail: the first one, and those that replace a lost worker. */
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { EmbedError } from "../errors.ts";
import { EXECUTIONS } from "./fixtures/letter-pipeline.ts";
import { crashGpu, failure, openLab, rowsOf, type LoadWorker } from "../fixtures/recovery-lab.ts";

describe("a load that is to replace a lost worker", () => {
  /** Fails `times` times, then loads. */
  const offline = (times: number): LoadWorker => {
    return ({ afterCrash }, count) => {
      if (afterCrash && count <= 1 + times) throw new EmbedError("model-fetch-failed", "offline");
    };
  };

  it("is tried again while the network is gone, for half a minute", async () => {
    const { embedder, clock, states } = await openLab({}, offline(2));
    const waiting = embedder.embed(["first lose device", "ab"]);
    for (const ms of [1_000, 5_000]) await clock.awaited(ms).then(() => clock.advance(ms));
    expect(await rowsOf(waiting)).toEqual([17, 0, 2, 1]);
    expect(states).toEqual(["ready", "recovering", "ready"]);
  });

  it("ends with the network's error after that, and works again when the user says so", async () => {
    const { embedder, clock, loads } = await openLab({}, offline(4));
    const waiting = failure(embedder.embed("first lose device"));
    for (const ms of [1_000, 5_000, 25_000]) await clock.awaited(ms).then(() => clock.advance(ms));
    expect(await waiting).toMatchObject({ code: "model-fetch-failed", message: "offline" });
    expect(embedder.status.state).toBe("failed");
    expect(loads).toHaveLength(5);
    await embedder.recover();
    expect((await embedder.embed("a")).rows).toBe(1);
  });

  it("is tried again with half the budget each time when memory runs out", async () => {
    const { embedder, clock, loads } = await openLab({ vramBudgetBytes: Infinity }, ({ afterCrash }, count) => {
      if (afterCrash && count < 4) throw new EmbedError("out-of-memory", "full");
    });
    const waiting = embedder.embed(["first lose device", "ab"]);
    for (const ms of [1_000, 5_000]) await clock.awaited(ms).then(() => clock.advance(ms));
    expect(await rowsOf(waiting)).toEqual([17, 0, 2, 1]);
    expect(loads.map(({ budgetShare = 1 }) => budgetShare)).toEqual([1, 1, 1 / 2, 1 / 4]);
    expect(loads.map(({ vramBudgetBytes }) => vramBudgetBytes)).toEqual(Array(4).fill(Infinity));
  });

  it("ends with its own error where another try is of no use", async () => {
    const { embedder, loads } = await openLab({}, (_, count) => {
      if (count > 1) throw new EmbedError("model-corrupt", "other bytes");
    });
    expect((await failure(embedder.embed("first lose device"))).code).toBe("model-corrupt");
    expect((await failure(embedder.recover())).code).toBe("model-corrupt");
    expect(loads).toHaveLength(3);
  });

  it("may lose its device too", async () => {
    const { embedder, loads } = await openLab({}, (_, count) => {
      const details = { reason: "destroyed", selfCheck: {}, retry: true };
      if (count === 2) throw new EmbedError("device-lost", "lost in the load", { details });
      if (count === 3) throw new EmbedError("numeric-fault", "lost in the check", { details });
    });
    expect((await embedder.embed("first lose device")).rows).toBe(1);
    expect(loads.map(({ failedChecks }) => failedChecks?.length)).toEqual([0, 0, 0, 0]);
  });

  it("is given up at once when the embedder is disposed of, and so are all calls", async () => {
    const lab = await openLab();
    await crashGpu(lab);
    const calls = [failure(lab.embedder.embed("first crash gpu")), failure(lab.embedder.embed("freeze"))];
    await lab.reached("gpu-blocked");
    calls.push(failure(lab.embedder.embed("a")));
    lab.embedder.dispose();
    lab.embedder.dispose();
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual(["disposed", "disposed", "disposed"]);
    expect(lab.embedder.status).toMatchObject({ state: "disposed", recovery: { retryAfterMs: null } });
    lab.clock.advance(600_000);
    expect(lab.loads).toHaveLength(2);
    expect((await failure(lab.embedder.recover())).code).toBe("disposed");
    expect(lab.states.at(-1)).toBe("disposed");
  });

  it("does not keep an aborted request, and forgets its signal", async () => {
    const lab = await openLab();
    await crashGpu(lab);
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [failure(lab.embedder.embed("first crash gpu", { signal }))];
    await lab.reached("gpu-blocked");
    calls.push(failure(lab.embedder.embed("a", { signal })), failure(lab.embedder.countTokens("a", { signal })));
    controller.abort("enough");
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: "aborted", cause: "enough" });
    expect(getEventListeners(signal, "abort")).toEqual([]);
    lab.clock.advance(120_000);
    await lab.reached("ready");
    expect(lab.calls.filter(({ worker }) => worker === 3)).toEqual([]);
  });

  it("goes on when only the wait for it is aborted", async () => {
    const lab = await openLab();
    const { signal } = new AbortController();
    await lab.embedder.recover({ signal });
    expect(getEventListeners(signal, "abort")).toEqual([]);
    const controller = new AbortController();
    const waiting = failure(lab.embedder.recover({ device: "wasm", signal: controller.signal }));
    controller.abort();
    expect((await waiting).code).toBe("aborted");
    await lab.reached("ready");
    expect(lab.embedder.status.device.kind).toBe("wasm");
  });
});

describe("a device that the user asks for", () => {
  const noGpu: LoadWorker = ({ device }) => {
    if (device === "webgpu") throw new EmbedError("webgpu-unavailable", "this browser has no WebGPU");
  };

  it("is left for what ran before when there is none: nothing is lost, and the user is told", async () => {
    const { embedder, loads, states } = await openLab({ device: "wasm" }, noGpu);
    const waiting = embedder.embed(["first freeze", "ab"]);
    expect(await failure(embedder.recover({ device: "webgpu" }))).toMatchObject({ code: "webgpu-unavailable" });
    expect(await rowsOf(waiting)).toEqual([12, 0, 2, 1]);
    expect(loads.map(({ device }) => device)).toEqual(["wasm", "webgpu", "wasm"]);
    expect(states).toEqual(["ready", "recovering", "ready"]);
    expect(embedder.status.recovery).toEqual({ recoveries: 0, lastLoss: null, retryAfterMs: null });
    await embedder.recover();
    expect(loads).toHaveLength(3);
  });

  it("is left for what ran before when it crashes in each load", async () => {
    const { embedder, loads } = await openLab({ device: "wasm" }, ({ device }) => {
      const details = { reason: "unknown" };
      if (device === "webgpu") throw new EmbedError("device-lost", "crashed in its load", { details });
    });
    const error = await failure(embedder.recover({ device: "webgpu" }));
    expect(error).toMatchObject({ code: "device-lost", details: { retryAfterMs: 120_000 } });
    expect(loads.map(({ device }) => device)).toEqual(["wasm", "webgpu", "webgpu", "wasm"]);
    expect((await embedder.embed("a")).rows).toBe(1);
  });

  it("is no longer passed over because it could not be opened once", async () => {
    const { embedder, loads } = await openLab({}, (_, count) => {
      if (count !== 2 && count !== 3) return;
      const selfCheck = { execution: EXECUTIONS[count - 2], passed: false, failure: "refused" };
      throw new EmbedError("numeric-fault", "refused", { details: { selfCheck, retry: true } });
    });
    await embedder.embed("first lose device");
    expect(embedder.status.device.kind).toBe("wasm");
    await embedder.recover();
    expect(embedder.status.device.kind).toBe("webgpu");
    expect(loads.map(({ failedChecks }) => failedChecks?.length)).toEqual([0, 0, 1, 2, 0]);
  });
});

describe("the first load", () => {
  const lose = (times: number, code: "device-lost" | "numeric-fault"): LoadWorker => {
    return (_, count) => {
      const selfCheck = { execution: EXECUTIONS[0], passed: false };
      const details = { reason: "destroyed", ...(code === "numeric-fault" && { selfCheck, retry: true }) };
      if (count <= times) throw new EmbedError(code, "lost in the load", { details });
    };
  };

  it("is tried once more when its device is lost", async () => {
    const { embedder, loads } = await openLab({}, lose(1, "device-lost"));
    expect(embedder.status).toMatchObject({ state: "ready", recovery: { lastLoss: "lost in the load" } });
    expect(loads.map(({ afterCrash }) => afterCrash)).toEqual([false, true]);
    await expect(openLab({}, lose(2, "device-lost"))).rejects.toMatchObject({ code: "device-lost" });
  });

  it("goes on to the next safer execution when it is lost again in its self-check", async () => {
    const { loads } = await openLab({}, lose(2, "numeric-fault"));
    expect(loads.map(({ failedChecks }) => failedChecks?.length)).toEqual([0, 0, 1]);
  });

  it.each(["auto", "webgpu"] as const)("crashes the GPU twice and no more: %s", async (device) => {
    const loads: (string | undefined)[] = [];
    const opening = openLab({ device }, (request) => {
      loads.push(request.device);
      const selfCheck = { execution: EXECUTIONS[0], passed: false, failure: "lost" };
      const details = { selfCheck, retry: true, reason: "unknown" };
      if (request.device !== "wasm") throw new EmbedError("numeric-fault", "crashed in its check", { details });
    });
    if (device === "webgpu") {
      await expect(opening).rejects.toMatchObject({ code: "device-lost", details: { retryAfterMs: 120_000 } });
      expect(loads).toEqual(["webgpu", "webgpu"]);
      return;
    }
    const { embedder } = await opening;
    expect(loads).toEqual(["auto", "auto", "wasm"]);
    expect(embedder.status.device.reason).toContain("crashed 2 times within 10 minutes; at last: crashed in its check");
  });

  it("starts with half the budget after a crash in it", async () => {
    const { loads } = await openLab({}, (_, count) => {
      const details = { reason: "unknown" };
      if (count === 1) throw new EmbedError("device-lost", "crashed", { details });
    });
    expect(loads.map(({ budgetShare = 1 }) => budgetShare)).toEqual([1, 1 / 2]);
  });

  it("leaves a GPU alone that crashed twice before a reload, until the user wants it", async () => {
    const { storage, embedder: before, reached } = await openLab();
    await crashGpu({ embedder: before });
    void failure(before.embed("first crash gpu"));
    await reached("gpu-blocked");
    const { embedder, loads } = await openLab({}, () => {}, storage);
    expect(embedder.status).toMatchObject({ device: { kind: "wasm" }, recovery: { lastLoss: null } });
    expect(embedder.status.device.reason).toContain("the GPU crashed 2 times");
    await embedder.recover();
    expect(embedder.status.device.kind).toBe("webgpu");
    expect(loads.map(({ device }) => device)).toEqual(["wasm", "auto"]);
    const details = { retryAfterMs: 120_000 };
    const demanding = openLab({ device: "webgpu" }, () => {}, storage);
    await expect(demanding).rejects.toMatchObject({ code: "webgpu-unavailable", details });
    const { embedder: careful } = await openLab({ device: "wasm" }, () => {}, storage);
    expect(careful.status.device.reason).toBe("asked");
  });

  it("takes WebAssembly when no adapter is left after a loss, and says why", async () => {
    const { embedder } = await openLab({}, ({ device }, count) => {
      if (count === 1) throw new EmbedError("device-lost", "gone", { details: { reason: "unknown" } });
      if (device !== "wasm") throw new EmbedError("webgpu-unavailable", "refused after a crash");
    });
    expect(embedder.status.device).toMatchObject({ kind: "wasm" });
    expect(embedder.status.device.reason).toContain("refused after a crash");
  });

  it("rejects with its own error, nothing tried twice", async () => {
    let loads = 0;
    const opening = openLab({}, (_, count) => {
      loads = count;
      throw new EmbedError("webgpu-unavailable", "none");
    });
    await expect(opening).rejects.toMatchObject({ code: "webgpu-unavailable" });
    expect(loads).toBe(1);
  });
});

describe("a self-check that was passed", () => {
  it("is remembered for the next embedder, brief ones do not count, and full ones can be asked for", async () => {
    const { storage, clock, embedder } = await openLab({ device: "wasm" });
    expect(embedder.status.selfChecks).toMatchObject([{ scope: "full", passed: true }]);
    const next = await openLab({ device: "wasm" }, undefined, storage);
    expect(next.loads[0]!.rememberedChecks).toEqual({ "check of wasm": clock.now() });
    expect(next.embedder.status.selfChecks).toMatchObject([{ scope: "brief" }]);
    next.clock.advance(1000);
    const third = await openLab({ device: "wasm", selfCheck: "full" }, undefined, storage);
    expect(third.loads[0]).toMatchObject({ selfCheck: "full", rememberedChecks: { "check of wasm": clock.now() } });
  });

  it("is forgotten when the execution fails one", async () => {
    const { storage } = await openLab({ device: "webgpu" });
    const fails = openLab({ model: "http://localhost/wrong-vectors/", device: "webgpu" }, undefined, storage);
    await expect(fails).rejects.toMatchObject({ code: "numeric-fault" });
    const next = await openLab({ device: "webgpu" }, undefined, storage);
    expect(next.loads[0]!.rememberedChecks).toEqual({});
  });
});
