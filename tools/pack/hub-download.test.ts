import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SHARDS } from "./hub-test-model.ts";
import { BYTES, COMMIT, expectWhole, FILES, FIRST, LATER, SECOND, TOTAL, useHub } from "./hub-test-bench.ts";

const bench = useHub();

describe("downloadModel", () => {
  it("brings what packing needs, each byte once, with one byte total", async () => {
    const { path, commit, steps, waits } = await bench.download();
    expect(commit).toBe(COMMIT);
    expectWhole(path);
    expect(waits).toEqual([]);
    for (const name of SHARDS) expect(bench.starts(name)).toEqual([0]);
    const last = steps.filter(({ phase }) => phase === "downloading").slice(-1);
    expect(last).toEqual([{ phase: "downloading", done: TOTAL, total: TOTAL }]);
    expect(readdirSync(join(bench.cache, "acme--stress")).sort()).toEqual([".gitignore", ".revisions.json", COMMIT]);
  });

  it("keeps its downloads out of git, and the user's own .gitignore as it is", async () => {
    mkdirSync(bench.cache);
    writeFileSync(join(bench.cache, ".gitignore"), "mine\n");
    await bench.download();
    expect(readFileSync(join(bench.cache, ".gitignore"), "utf8")).toBe("mine\n");
    expect(readFileSync(join(bench.cache, "acme--stress", ".gitignore"), "utf8")).toBe("*\n");
  });

  it.each([
    ["another architecture", JSON.stringify({ model_type: "bert" }), "invalid-input"],
    ["no JSON", "<html>", "model-corrupt"],
  ])("refuses a config.json of %s before it asks for weights", async (_, config, code) => {
    bench.hub.addCommit(LATER, new Map([...FILES, ["config.json", Buffer.from(config)]]));
    const message = expect.stringContaining("config.json");
    await expect(bench.download({ revision: LATER })).rejects.toMatchObject({ code, message });
    expect(bench.hub.storage.log("x")).toEqual([]);
  });

  it("asks nothing of a commit that is here whole", async () => {
    await bench.download();
    const before = [bench.hub.requests.length, bench.hub.storage.log("x").length];
    const { path, steps } = await bench.download({ revision: COMMIT });
    expectWhole(path);
    expect([bench.hub.requests.length, bench.hub.storage.log("x").length]).toEqual(before);
    expect(new Set(steps.map(({ phase }) => phase))).toEqual(new Set(["cached"]));
  });

  it("says that it takes a branch for what it was when the hub cannot be reached", async () => {
    await bench.download();
    await bench.hub.stop();
    const { path, notes, waits } = await bench.download();
    expectWhole(path);
    expect(waits).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(new RegExp(`main is taken to be what it was at .*${COMMIT}`))]);
    await expect(bench.download({ revision: "other" })).rejects.toMatchObject({ code: "model-fetch-failed" });
  });

  it.each([0.01, 0.37, 0.99])("goes on where connections broke, at %d of two files", async (at) => {
    bench.addFaults({ file: FIRST, kind: "cut", at }, { file: SECOND, kind: "cut", at });
    const kept = new Map<string, number>();
    const onNote = (note: string) => {
      const file = SHARDS.find((name) => note.includes(name))!;
      kept.set(file, bench.partialBytes(file));
    };
    const { path, waits } = await bench.download({ onNote });
    expectWhole(path);
    expect(waits).toEqual([500, 500]);
    for (const file of SHARDS) expect(bench.starts(file)).toEqual([0, kept.get(file)]);
  });

  it("takes a connection that brings nothing for broken, and fetches no byte twice", async () => {
    bench.addFaults({ file: FIRST, kind: "stall", at: 100_000 });
    const { path, notes } = await bench.download({
      access: { endpoint: bench.hub.endpoint, token: null, stalledMs: 200 },
    });
    expectWhole(path);
    expect(bench.starts(FIRST)).toEqual([0, 100_000]);
    expect(notes).toEqual([expect.stringContaining("not a byte for 200 ms")]);
  });

  it("takes a clean end that comes too early for a broken connection", async () => {
    bench.addFaults({ file: FIRST, kind: "cut", at: 0.5, clean: true });
    const { path, notes } = await bench.download();
    expectWhole(path);
    expect(bench.starts(FIRST)).toEqual([0, Math.floor(BYTES / 2)]);
    expect(notes).toEqual([expect.stringContaining(`ended after ${Math.floor(BYTES / 2)} of ${BYTES} bytes`)]);
  });

  it("skips what is here of a server that knows no ranges, and refuses a range that is another", async () => {
    await bench.stopAt(100_000);
    bench.addFaults({ file: FIRST, kind: "ignore-range" });
    expectWhole((await bench.download()).path);
    rmSync(bench.cache, { recursive: true });
    await bench.stopAt(100_000);
    bench.addFaults({ file: FIRST, kind: "wrong-range", start: 50 });
    await expect(bench.download()).rejects.toMatchObject({ code: "model-fetch-failed", details: { status: 206 } });
    expectWhole((await bench.download()).path);
  });

  it("fetches a file with a flipped byte once more, and gives up after that", async () => {
    bench.addFaults({ file: FIRST, kind: "flip", at: 1000 });
    const { path, steps } = await bench.download();
    expectWhole(path);
    expect(bench.starts(FIRST)).toEqual([0, 0]);
    expect(steps.at(-1)).toMatchObject({ done: steps.at(-1)!.total });
    rmSync(bench.cache, { recursive: true });
    bench.addFaults({ file: FIRST, kind: "flip", at: 1000, times: 2 });
    await expect(bench.download()).rejects.toMatchObject({ code: "model-corrupt", details: { file: FIRST } });
    expect(existsSync(bench.partial(FIRST))).toBe(false);
    expect(existsSync(join(bench.cache, "acme--stress", COMMIT, FIRST))).toBe(false);
  });

  it("gives a file up that ends too early on the server, and reads none beyond its listed size", async () => {
    bench.addFaults({ file: FIRST, kind: "short", bytes: 1000, times: "always" });
    await expect(bench.download()).rejects.toMatchObject({ code: "model-corrupt", details: { file: FIRST } });
    expect(bench.starts(FIRST)).toEqual([0, BYTES - 1000, 0, BYTES - 1000]);
    bench.hub.storage.clear("x");
    bench.addFaults({ file: FIRST, kind: "long", bytes: 1000, times: "always" });
    expectWhole((await bench.download()).path);
  });
});
