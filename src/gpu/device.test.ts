import { afterEach, describe, expect, it, vi } from "vitest";
import { ACME } from "../fixtures/adapter.ts";
import { candidates, findAdapter } from "./device.ts";

const names = (list: ReturnType<typeof candidates>): string[] =>
  list.map(({ execution: e }) => `${e.kind} ${e.activations}${e.subgroups ? " subgroups" : ""}`);

const f32 = { activations: "f32" } as const;

describe("candidates", () => {
  it("goes from the fastest to the safest", () => {
    const list = candidates({ device: "auto", activations: "f16" }, { adapter: ACME, missing: "" });
    expect(names(list)).toEqual(["webgpu f16 subgroups", "webgpu f16", "webgpu f32", "wasm f32"]);
  });

  it("asks for no subgroups where they are narrower than 16", () => {
    const adapter = { ...ACME, subgroupMinSize: 8 };
    expect(names(candidates({ device: "webgpu", ...f32 }, { adapter, missing: "" }))).toEqual(["webgpu f32"]);
  });

  it("takes WebAssembly on a software adapter and says why", () => {
    const adapter = { ...ACME, software: true };
    const list = candidates({ device: "auto", ...f32 }, { adapter, missing: "" });
    expect(names(list)).toEqual(["wasm f32"]);
    expect(list[0]!.reason).toContain("software");
  });

  it("does not settle for less while a lost GPU may come back", () => {
    const wish = { device: "auto", ...f32, afterCrash: true } as const;
    for (const adapter of [null, { ...ACME, software: true }]) {
      const found = { adapter, missing: "none" };
      expect(() => candidates(wish, found)).toThrow(expect.objectContaining({ code: "webgpu-unavailable" }));
      expect(names(candidates({ ...wish, device: "wasm" }, found))).toEqual(["wasm f32"]);
    }
    expect(names(candidates(wish, { adapter: ACME, missing: "" }))[0]).toBe("webgpu f32 subgroups");
  });

  it("uses a software adapter when WebGPU is demanded, and never WebAssembly then", () => {
    const adapter = { ...ACME, software: true, subgroupMinSize: 4 };
    expect(names(candidates({ device: "webgpu", ...f32 }, { adapter, missing: "" }))).toEqual(["webgpu f32"]);
  });

  it("says so when f16 is wished for and missing", () => {
    const adapter = { ...ACME, shaderF16: false };
    const list = candidates({ device: "auto", activations: "f16" }, { adapter, missing: "" });
    expect(names(list)[0]).toBe("webgpu f32 subgroups");
    expect(list[0]!.reason).toContain("shader-f16");
    expect(list.at(-1)!.reason).toContain("no f16");
  });

  it("refuses WebGPU where there is none, with the reason", async () => {
    const { adapter, missing } = await findAdapter(undefined);
    expect(adapter).toBeNull();
    expect(() => candidates({ device: "webgpu", ...f32 }, { adapter: null, missing })).toThrow(
      expect.objectContaining({ code: "webgpu-unavailable", message: expect.stringContaining("no WebGPU") }),
    );
    expect(names(candidates({ device: "auto", ...f32 }, { adapter: null, missing }))).toEqual(["wasm f32"]);
  });

  it("passes on that the browser offers no adapter", async () => {
    const gpu = { requestAdapter: () => Promise.resolve(null) };
    expect((await findAdapter(gpu)).missing).toBe("the browser offers no WebGPU adapter");
  });
});

describe("findAdapter after a crash", () => {
  afterEach(() => void vi.useRealTimers());

  const found = {} as GPUAdapter;
  const answering = (...answers: (GPUAdapter | null)[]) => {
    const requestAdapter = vi.fn(() => Promise.resolve(answers.shift() ?? null));
    return { requestAdapter };
  };

  it("asks once more half a second after an answer of none", async () => {
    vi.useFakeTimers();
    const gpu = answering(null, found);
    const asked = findAdapter(gpu, { afterCrash: true });
    await vi.advanceTimersByTimeAsync(499);
    expect(gpu.requestAdapter).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect((await asked).adapter).toBe(found);
  });

  it("asks twice at most, and once when there is an adapter or no crash", async () => {
    vi.useFakeTimers();
    const none = answering(null, null, found);
    const asked = findAdapter(none, { afterCrash: true });
    await vi.runAllTimersAsync();
    expect((await asked).missing).toBe("the browser offers no WebGPU adapter");
    expect(none.requestAdapter).toHaveBeenCalledTimes(2);
    const there = answering(found);
    expect((await findAdapter(there, { afterCrash: true })).adapter).toBe(found);
    const noCrash = answering(null, found);
    expect((await findAdapter(noCrash)).adapter).toBeNull();
    expect(noCrash.requestAdapter).toHaveBeenCalledTimes(1);
  });
});
