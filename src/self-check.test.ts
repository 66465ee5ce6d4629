import { describe, expect, it } from "vitest";
import { EmbedError } from "./errors.ts";
import { selfCheck, selfCheckKey, selfCheckScope, type EmbedIds, type SelfCheckPlan } from "./self-check.ts";
import type { GoldenVector, PackManifest } from "./pack.ts";
import type { AdapterFacts, DeviceStatus, Execution } from "./types.ts";

const f32: Execution = { kind: "wasm", activations: "f32", subgroups: false };
const plan: SelfCheckPlan = { execution: f32, scope: "full", key: "k" };
const golden: GoldenVector[] = [
  { role: "document", inputIds: [5, 1], dimensions: 2, vector: [0.6, 0.8] },
  { role: "query", inputIds: [7, 8, 1], dimensions: 2, vector: [1, 0] },
];
const answers = new Map(golden.map(({ inputIds, vector }) => [inputIds.join(), Float32Array.from(vector)]));
const right: EmbedIds = (batch) => Promise.resolve(batch.map((ids) => answers.get(ids.join())!));

describe("selfCheck", () => {
  it("embeds every known input alone, all as one batch, and the longest in slices", async () => {
    const runs: string[] = [];
    const watched: EmbedIds = (batch, chunkTokens) => {
      runs.push(`${batch.map((ids) => ids.length).join()}${chunkTokens ? ` in ${chunkTokens}` : ""}`);
      return right(batch);
    };
    expect(await selfCheck(golden, watched, plan)).toMatchObject({ passed: true, tolerance: 2e-5 });
    expect(runs).toEqual(["2", "3", "2,3", "3 in 64"]);
  });

  it("embeds in brief the shortest alone, and says so", async () => {
    const runs: number[][] = [];
    const watched: EmbedIds = (batch) => {
      runs.push(batch.map((ids) => ids.length));
      return right(batch);
    };
    const brief = { ...plan, scope: "brief" } as const;
    const result = await selfCheck(golden.toReversed(), watched, brief);
    expect(result).toMatchObject({ passed: true, scope: "brief", key: "k" });
    expect(runs).toEqual([[2]]);
    const off: EmbedIds = () => Promise.resolve([Float32Array.of(0.6001, 0.8)]);
    expect(await selfCheck(golden, off, brief)).toMatchObject({ passed: false });
  });

  it("fails on a component that is off in the batch alone", async () => {
    const offInBatch: EmbedIds = async (batch) =>
      (await right(batch)).map((vector) => (batch.length > 1 ? vector.map((value) => value + 3e-5) : vector));
    const result = await selfCheck(golden, offInBatch, plan);
    expect(result.passed).toBe(false);
    expect(result.maxAbsDiff).toBeCloseTo(3e-5, 6);
    expect((await selfCheck(golden, offInBatch, { ...plan, execution: { ...f32, activations: "f16" } })).passed).toBe(
      true,
    );
  });

  it("takes known answers of fewer dimensions", async () => {
    const cut = [{ ...golden[0]!, dimensions: 1, vector: [1] }];
    expect(await selfCheck(cut, right, plan)).toMatchObject({ passed: true });
  });

  it.each([NaN, Infinity])("fails on a vector with %s", async (value) => {
    const broken: EmbedIds = (batch) => Promise.resolve(batch.map(() => Float32Array.of(value, 0)));
    expect(await selfCheck(golden, broken, plan)).toMatchObject({ passed: false, maxAbsDiff: Infinity, minCosine: -1 });
  });

  it("takes a row without a direction for a wrong vector, and passes other errors on", async () => {
    const fault: EmbedIds = () => Promise.reject(new EmbedError("numeric-fault", "row 0 is not finite"));
    expect(await selfCheck(golden, fault, plan)).toMatchObject({ passed: false, maxAbsDiff: Infinity });
    const lost: EmbedIds = () => Promise.reject(new EmbedError("device-lost", "gone"));
    await expect(selfCheck(golden, lost, plan)).rejects.toMatchObject({ code: "device-lost" });
  });
});

describe("selfCheckScope", () => {
  it("is brief for a week after a full pass", () => {
    const day = 24 * 3_600_000;
    expect(selfCheckScope(undefined, 100 * day)).toBe("full");
    expect(selfCheckScope(100 * day, 100 * day)).toBe("brief");
    expect(selfCheckScope(100 * day, 106.9 * day)).toBe("brief");
    expect(selfCheckScope(100 * day, 107 * day)).toBe("full");
    // The clock was set back meanwhile.
    expect(selfCheckScope(100 * day, 99 * day)).toBe("full");
  });
});

describe("selfCheckKey", () => {
  const manifest = { name: "m" } as PackManifest;
  const device: DeviceStatus = { ...f32, reason: "asked for", adapter: null, build: "wasm" };
  const runtime = { version: "1.30.0", userAgent: "Browser/1" };

  it("is the same for the same pack, device, browser and runtime, whatever the reason for the device", async () => {
    const key = await selfCheckKey(manifest, device, runtime);
    expect(key).toMatch(/^[0-9a-f]{16}$/);
    expect(await selfCheckKey(manifest, { ...device, reason: "no adapter" }, runtime)).toBe(key);
  });

  it("changes with each of them", async () => {
    const adapter = { vendor: "v", architecture: "a", description: "driver 1" } as AdapterFacts;
    const others = await Promise.all([
      selfCheckKey(manifest, device, runtime),
      selfCheckKey({ ...manifest, name: "n" }, device, runtime),
      selfCheckKey(manifest, { ...device, activations: "f16" }, runtime),
      selfCheckKey(manifest, { ...device, subgroups: true }, runtime),
      selfCheckKey(manifest, { ...device, build: "jspi" }, runtime),
      selfCheckKey(manifest, { ...device, adapter }, runtime),
      selfCheckKey(manifest, { ...device, adapter: { ...adapter, description: "driver 2" } }, runtime),
      selfCheckKey(manifest, device, { ...runtime, version: "1.31.0" }),
      selfCheckKey(manifest, device, { ...runtime, userAgent: "Browser/2" }),
    ]);
    expect(new Set(others).size).toBe(others.length);
  });
});
