import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BYTES, COMMIT, expectWhole, FILES, FIRST, LATER, SECOND, useHub } from "./hub-test-bench.ts";
import { isWhole } from "./hub-partial.ts";

const bench = useHub();
const LATEST = "e".repeat(40);
/** Another file of the same size. */
const CHANGED = Buffer.from(FILES.get(FIRST)!);
CHANGED[BYTES - 1]! ^= 1;

describe("downloadModel after an earlier run", () => {
  it("goes on from the byte where it was cancelled", async () => {
    await bench.stopAt(123_456);
    const { path, steps } = await bench.download();
    expectWhole(path);
    expect(bench.starts(FIRST)).toEqual([123_456]);
    expect(steps.find(({ phase }) => phase === "downloading")?.done).toBeGreaterThanOrEqual(123_456);
    const hashed = steps.filter(({ phase }) => phase === "cached").at(-1)!;
    expect(hashed.done).toBe(hashed.total);
    expect(hashed.total).toBeGreaterThanOrEqual(123_456);
  });

  it("does not trust bytes on the disk that have changed", async () => {
    await bench.stopAt(100_000);
    const bytes = readFileSync(bench.partial(FIRST));
    bytes[5]! ^= 1;
    writeFileSync(bench.partial(FIRST), bytes);
    expectWhole((await bench.download()).path);
    expect(bench.starts(FIRST)).toEqual([100_000, 0]);
  });

  it("goes on whatever version each node of a mirror names, as the hash decides", async () => {
    await bench.stopAt(100_000);
    bench.addFaults(
      { file: FIRST, kind: "etag", etag: '"other"', times: "always", skip: 1 },
      ...[0.5, 0.7].map((at) => ({ file: FIRST, kind: "cut", at }) as const),
    );
    expectWhole((await bench.download()).path);
    const starts = bench.starts(FIRST);
    expect(starts).toHaveLength(3);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(starts[0]).toBe(100_000);
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
    bench.hub.addCommit(LATER, new Map([...FILES, [FIRST, CHANGED]]));
    bench.hub.branches.set("main", LATER);
    bench.hub.storage.clear("x");
    const { path, commit } = await bench.download();
    expect(commit).toBe(LATER);
    expect([bench.starts(FIRST), bench.starts(SECOND)]).toEqual([[0], []]);
    expect(readFileSync(join(path, FIRST)).equals(CHANGED)).toBe(true);
    expectWhole((await bench.download({ revision: COMMIT })).path);
  });

  it.each([
    ["earlier", FILES.get(FIRST)!],
    ["later", CHANGED],
  ])("takes a file over from the %s of two commits, that which has it", async (_, bytes) => {
    await bench.download();
    bench.hub.addCommit(LATER, new Map([...FILES, [FIRST, CHANGED]]));
    await bench.download({ revision: LATER });
    bench.hub.addCommit(LATEST, new Map([...FILES, [FIRST, bytes]]));
    bench.hub.storage.clear("x");
    const { path } = await bench.download({ revision: LATEST });
    expect(readFileSync(join(path, FIRST)).equals(bytes)).toBe(true);
    expect([bench.starts(FIRST), bench.starts(SECOND)]).toEqual([[], []]);
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
    // In a container the next process may have the number of the one that was killed.
    for (const gone of ["999999999", String(process.pid)]) {
      writeFileSync(lock, gone);
      expectWhole((await bench.download()).path);
      expect(existsSync(lock)).toBe(false);
    }
  });
});

describe("isWhole", () => {
  it("says how far it is while it hashes", async () => {
    const bytes = Buffer.alloc(3 * 2 ** 20 + 5, 7);
    writeFileSync(join(bench.root, "large"), bytes);
    const hex = createHash("sha256").update(bytes).digest("hex");
    const deltas: number[] = [];
    const file = { name: "large", bytes: bytes.length, hash: { kind: "sha256", hex } } as const;
    expect(await isWhole(bench.root, file, { onBytes: (delta) => deltas.push(delta) })).toBe(true);
    expect(deltas).toEqual([2 ** 20, 2 ** 20, 2 ** 20, 5]);
  });
});
