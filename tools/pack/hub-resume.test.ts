import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BYTES, COMMIT, expectWhole, FILES, FIRST, LATER, SECOND, useHub } from "./hub-test-bench.ts";

const bench = useHub();

describe("downloadModel after an earlier run", () => {
  it("goes on from the byte where it was cancelled", async () => {
    await bench.stopAt(123_456);
    const { path, steps } = await bench.download();
    expectWhole(path);
    expect(bench.starts(FIRST)).toEqual([123_456]);
    expect(steps.find(({ phase }) => phase === "downloading")?.done).toBeGreaterThanOrEqual(123_456);
  });

  it("does not trust bytes on the disk that have changed", async () => {
    await bench.stopAt(100_000);
    const bytes = readFileSync(bench.partial(FIRST));
    bytes[5]! ^= 1;
    writeFileSync(bench.partial(FIRST), bytes);
    expectWhole((await bench.download()).path);
    expect(bench.starts(FIRST)).toEqual([100_000, 0]);
  });

  it("starts a file again that is another one on the server, by the hub's word before the storage's", async () => {
    await bench.stopAt(100_000);
    bench.addFaults({ file: FIRST, kind: "etag", etag: '"other"', times: "always" });
    expectWhole((await bench.download()).path);
    expect(bench.starts(FIRST)).toEqual([100_000]);
    rmSync(bench.cache, { recursive: true });
    bench.hub.storage.clear("x");
    bench.hub.linksVersions = false;
    await bench.stopAt(100_000);
    bench.addFaults({ file: FIRST, kind: "etag", etag: '"other"', times: "always" });
    const { path, notes } = await bench.download();
    expectWhole(path);
    expect(bench.starts(FIRST)).toEqual([100_000, 0]);
    expect(notes).toEqual([expect.stringContaining("another one on the server")]);
  });

  it("starts a file again that ends on the server before the bytes that are here", async () => {
    await bench.stopAt(100_000);
    bench.addFaults({ file: FIRST, kind: "short", bytes: BYTES - 50_000 });
    expectWhole((await bench.download()).path);
    expect(bench.starts(FIRST)).toEqual([100_000, 0]);
  });

  it("does not go on without a journal that can be read", async () => {
    await bench.stopAt(100_000);
    writeFileSync(`${bench.partial(FIRST)}.json`, "{");
    expectWhole((await bench.download()).path);
    expect(bench.starts(FIRST)).toEqual([0]);
  });

  it("fetches a damaged file again, and no other", async () => {
    const { path } = await bench.download();
    bench.hub.storage.clear("x");
    const bytes = readFileSync(join(path, SECOND));
    bytes[77]! ^= 1;
    writeFileSync(join(path, SECOND), bytes);
    await bench.download();
    expectWhole(path);
    expect([bench.starts(FIRST), bench.starts(SECOND)]).toEqual([[], [0]]);
  });

  it("fetches of a newer commit only what has changed, and never mixes the two", async () => {
    await bench.download();
    const changed = Buffer.from(FILES.get(FIRST)!);
    changed[BYTES - 1]! ^= 1;
    bench.hub.addCommit(LATER, new Map([...FILES, [FIRST, changed]]));
    bench.hub.branches.set("main", LATER);
    bench.hub.storage.clear("x");
    const { path, commit } = await bench.download();
    expect(commit).toBe(LATER);
    expect([bench.starts(FIRST), bench.starts(SECOND)]).toEqual([[0], []]);
    expect(readFileSync(join(path, FIRST)).equals(changed)).toBe(true);
    expectWhole((await bench.download({ revision: COMMIT })).path);
  });

  it("stays with the commit that it began with when the branch moves meanwhile", async () => {
    bench.addFaults({ file: FIRST, kind: "gate", at: 1000 });
    const downloading = bench.download();
    await bench.hub.storage.held("x");
    bench.hub.addCommit(LATER, new Map([...FILES, [SECOND, Buffer.from("other")]]));
    bench.hub.branches.set("main", LATER);
    bench.hub.storage.openGates("x");
    const { path, commit } = await downloading;
    expect(commit).toBe(COMMIT);
    expectWhole(path);
  });

  it("keeps out of the way of another process, unless that one is gone", async () => {
    const lock = join(bench.cache, "acme--stress", ".lock");
    mkdirSync(join(bench.cache, "acme--stress"), { recursive: true });
    writeFileSync(lock, String(process.ppid));
    await expect(bench.download()).rejects.toMatchObject({ code: "storage-busy", details: { process: process.ppid } });
    expect(readFileSync(lock, "utf8")).toBe(String(process.ppid));
    // Above what Linux, macOS and Windows give out.
    writeFileSync(lock, "999999999");
    expectWhole((await bench.download()).path);
    expect(existsSync(lock)).toBe(false);
  });
});
