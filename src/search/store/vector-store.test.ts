/** @file Vectors in files: what was committed is read back, what was not is gone, what is damaged is noticed. */
import { describe, expect, it } from "vitest";
import { MemoryRecords } from "./memory-records.ts";
import { MemoryFiles } from "./segment-files.ts";
import { VectorStore } from "./vector-store.ts";

const SHAPE = { stored: "float32", dimensions: 3 } as const;

function rowsFrom(first: number, count: number): Float32Array {
  return Float32Array.from({ length: 3 * count }, (_, i) => first + i);
}

const idsFrom = (first: number, count: number) => Uint32Array.from({ length: count }, (_, i) => first + i);

async function openStore(records = new MemoryRecords(), files = new MemoryFiles()) {
  const store = new VectorStore(records, files, SHAPE);
  await store.open();
  return { store, records, files };
}

async function filled() {
  const opened = await openStore();
  await opened.store.append(idsFrom(10, 2), rowsFrom(0, 2));
  await opened.store.append(idsFrom(20, 3), rowsFrom(100, 3));
  return opened;
}

function readAll(store: VectorStore) {
  return [...store.batches()].flatMap(({ firstRow, passageIds, vectors }) =>
    Array.from(passageIds, (id, i) => ({ row: firstRow + i, id, vector: [...vectors.subarray(3 * i, 3 * i + 3)] })),
  );
}

describe("VectorStore", () => {
  it("reads rows back, one by one and all together, also after it was opened again", async () => {
    const { records, files } = await filled();
    const { store } = await openStore(records, files);
    expect(store.rows).toBe(5);
    expect([...store.read([4, 0])]).toEqual([106, 107, 108, 0, 1, 2]);
    expect(readAll(store)[3]).toEqual({ row: 3, id: 21, vector: [103, 104, 105] });
  });

  it("rounds to float16 when it stores float16", async () => {
    const store = new VectorStore(new MemoryRecords(), new MemoryFiles(), { stored: "float16", dimensions: 3 });
    await store.append(idsFrom(1, 1), Float32Array.of(0.1, -0.5, 1 / 3));
    expect([...store.read([0])]).toEqual([0.0999755859375, -0.5, 0.333251953125]);
  });

  it("takes nothing in when the commit fails, and goes on", async () => {
    const { store, records } = await filled();
    const commit = records.commit.bind(records);
    records.commit = () => Promise.reject(new Error("no room"));
    await expect(store.append(idsFrom(30, 1), rowsFrom(500, 1))).rejects.toThrow("no room");
    records.commit = commit;
    expect(store.rows).toBe(5);
    expect(await store.append(idsFrom(40, 1), rowsFrom(700, 1))).toBe(5);
    expect([...store.read([5])]).toEqual([700, 701, 702]);
  });

  it("cuts off what was written without a commit, and removes files that nothing refers to", async () => {
    const { records, files } = await filled();
    const [name] = await files.list();
    const file = await files.open(name!);
    const committed = file.sizeBytes;
    file.write(new Uint8Array(7), committed);
    await files.open("000009.vectors");
    const { store } = await openStore(records, files);
    await store.tidy();
    expect(file.sizeBytes).toBe(committed);
    expect(await files.list()).toEqual([name]);
    expect(readAll(store)).toHaveLength(5);
  });

  it("passes over a block that was damaged, and tells of it", async () => {
    const { store, files } = await filled();
    const [name] = await files.list();
    (await files.open(name!)).write(Uint8Array.of(1, 2, 3), 5);
    const damaged: number[][] = [];
    const rows = [...store.batches((firstRow, count) => damaged.push([firstRow, count]))];
    expect(damaged).toEqual([[0, 2]]);
    expect(rows.map(({ firstRow }) => firstRow)).toEqual([2]);
  });

  it("leaves out blocks of a file that is too short", async () => {
    const { records, files } = await filled();
    const [name] = await files.list();
    const file = await files.open(name!);
    file.truncate(file.sizeBytes - 1);
    const { store } = await openStore(records, files);
    expect(store.rows).toBe(2);
  });

  it("keeps the wanted rows alone when it is rewritten, in other files", async () => {
    const { store, records, files } = await filled();
    const before = await files.list();
    await store.rewrite((_row, id) => id % 10 === 1);
    expect(readAll(store)).toEqual([
      { row: 0, id: 11, vector: [3, 4, 5] },
      { row: 1, id: 21, vector: [103, 104, 105] },
    ]);
    expect(await files.list()).not.toEqual(expect.arrayContaining(before));
    expect(readAll((await openStore(records, files)).store)).toHaveLength(2);
  });

  it("takes vectors of another shape once it is cleared", async () => {
    const { store, files } = await filled();
    await store.clear({ stored: "float32", dimensions: 2 }, {});
    expect([store.rows, await files.list()]).toEqual([0, []]);
    await store.append(idsFrom(1, 1), Float32Array.of(8, 9));
    expect([...store.read([0])]).toEqual([8, 9]);
  });
});
