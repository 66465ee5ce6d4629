import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Chunk, Pass, Slice } from "../types.ts";
import { CostModel, FLASH_TOKENS, runFlops, totalBytes } from "./cost.ts";
import { NANO, cost4b, nanoCost } from "./fixtures/shapes.ts";
import {
  MIN_CHUNK_TOKENS,
  passBytes,
  peakBytes,
  planPasses,
  smallestPassBytes,
  type Plan,
  type PlanLimits,
} from "./plan.ts";

const cost = new CostModel(nanoCost);

const limits = (some: Partial<PlanLimits> = {}): PlanLimits => ({
  cost,
  chunkTokens: 16,
  minChunkTokens: 16,
  maxRunMs: Infinity,
  runMs: () => 1,
  rooms: () => [Infinity],
  scratchBytes: 0,
  passTokens: 0,
  ...some,
});

const slicesOf = (passes: readonly Pass[]): Slice[] => passes.flatMap((pass) => pass.chunks.flatMap((c) => c.slices));
const chunksOf = ({ passes }: Plan): Chunk[] => passes.flatMap((pass) => [...pass.chunks]);
const shapesOf = (plan: Plan) => chunksOf(plan).map((c) => [c.slices[0]!.start, c.tokenCount, c.sliced]);
const bytesOf = ({ chunks }: Pass, scratchBytes = 0): number => peakBytes(passBytes(cost, chunks), scratchBytes);

/** A thousandth of a millisecond for each million operations. */
const runMs = (chunk: Chunk): number => runFlops(NANO, chunk) / 1e9;

function expectEveryTokenOnce(plan: Plan, lengths: readonly number[]): void {
  const next = lengths.map(() => 0);
  for (const slice of slicesOf(plan.passes)) {
    if (slice.start !== next[slice.sequence]) expect(slice).toMatchObject({ start: next[slice.sequence] });
    next[slice.sequence]! += slice.length;
  }
  for (const sequence of plan.unfit) {
    expect(next[sequence]).toBe(0);
    next[sequence] = lengths[sequence]!;
  }
  expect(next).toEqual([...lengths]);
}

function expectWellFormed(pass: Pass): void {
  expect(pass.tokenCount).toBe(pass.chunks.reduce((sum, chunk) => sum + chunk.tokenCount, 0));
  for (const chunk of pass.chunks) {
    const tokens = chunk.slices.reduce((sum, slice) => sum + slice.length, 0);
    const shaped = chunk.sliced ? chunk.slices.length === 1 : chunk.slices.every(({ start }) => start === 0);
    if (tokens !== chunk.tokenCount || !shaped) expect.fail(`malformed chunk ${JSON.stringify(chunk)}`);
  }
}

describe("planPasses", () => {
  it("puts short sequences of similar length into one chunk", () => {
    const { passes } = planPasses([3, 5, 4], limits());
    expect(passes).toHaveLength(1);
    expect(passes[0]!.chunks[0]!.slices.map((s) => s.sequence)).toEqual([0, 2, 1]);
  });

  it("slices a sequence longer than a chunk", () => {
    expect(shapesOf(planPasses([40], limits()))).toEqual([
      [0, 16, true],
      [16, 16, true],
      [32, 8, true],
    ]);
  });

  it("slices what takes too long on a GPU, and on WASM not before it takes 33 times as long", () => {
    const perToken = (chunk: Chunk): number => chunk.tokenCount;
    const timed = { chunkTokens: 4096, maxRunMs: 128, runMs: perToken };
    const wasm = { ...timed, chunkTokens: 8192, cost: new CostModel({ ...nanoCost, kind: "wasm" }) };
    expect(chunksOf(planPasses([200], limits(timed))).map(({ sliced }) => sliced)).toEqual([true, true]);
    expect(shapesOf(planPasses([33 * 128], limits(wasm)))).toEqual([[0, 33 * 128, false]]);
    expect(
      chunksOf(planPasses([33 * 128 + 1], limits(wasm))).every(({ sliced, tokenCount }) => sliced && tokenCount <= 128),
    ).toBe(true);
    // Whole ones that would share a run are still bound by its time.
    expect(chunksOf(planPasses([100, 100], limits(wasm)))).toHaveLength(2);
  });

  it("runs a sequence of exactly one chunk whole", () => {
    expect(chunksOf(planPasses([16], limits()))).toEqual([
      { slices: [{ sequence: 0, start: 0, length: 16 }], tokenCount: 16, sliced: false },
    ]);
  });

  it("keeps a long sequence from padding many short ones", () => {
    const { passes } = planPasses([...Array<number>(40).fill(2), 400], limits({ chunkTokens: 512 }));
    expect(passes).toHaveLength(2);
  });

  it("makes no pass for no sequence", () => {
    expect(planPasses([], limits())).toEqual({ passes: [], unfit: [] });
  });

  it("makes slices smaller as attention to the past takes longer, in sizes that are powers of two", () => {
    const maxRunMs = 1.5 * runMs({ slices: [{ sequence: 0, start: 0, length: 512 }], tokenCount: 512, sliced: true });
    const plan = planPasses([32768], limits({ chunkTokens: 4096, runMs, maxRunMs }));
    const sizes = chunksOf(plan).map(({ tokenCount }) => tokenCount);
    expect(sizes[0]).toBe(512);
    expect(sizes.at(-2)).toBeLessThan(512);
    expect(new Set(sizes.slice(0, -1)).size).toBeLessThanOrEqual(6);
    for (const size of sizes.slice(0, -1)) expect(Math.log2(size) % 1).toBe(0);
  });

  it("lets no time limit make chunks smaller than the floor", () => {
    const plan = planPasses([200], limits({ chunkTokens: 128, minChunkTokens: 64, maxRunMs: 0, runMs: () => 1 }));
    expect(shapesOf(plan).map(([, tokens]) => tokens)).toEqual([64, 64, 72]);
  });

  it("gathers chunks of several sequences, sliced ones too, into one pass up to its tokens", () => {
    const { passes } = planPasses([10, 12, 40, 30, 500], limits({ passTokens: 100 }));
    expect(passes.map(({ tokenCount }) => tokenCount)).toEqual([92, 500]);
    expect(passes[0]!.chunks.filter(({ sliced }) => sliced)).toHaveLength(5);
  });

  it("gives up the preferred room only for a sequence that does not fit it", () => {
    const short = bytesOf(planPasses([16], limits()).passes[0]!);
    const long = bytesOf(planPasses([400], limits()).passes[0]!);
    const { passes, unfit } = planPasses([16, 400, 12], limits({ rooms: () => [2 * short, long], passTokens: 1000 }));
    expect(unfit).toEqual([]);
    expect(passes.map(({ tokenCount }) => tokenCount)).toEqual([28, 400]);
    expect(bytesOf(passes[0]!)).toBeLessThanOrEqual(2 * short);
  });

  it("stops after as many passes as are wanted, with the same ones", () => {
    const lengths = [10, 12, 40, 30, 500];
    const { passes } = planPasses(lengths, limits());
    for (const maxPasses of [1, 2, 3]) {
      expect(planPasses(lengths, limits({ maxPasses }))).toEqual({ passes: passes.slice(0, maxPasses), unfit: [] });
    }
  });

  it("names a sequence that fits no room, and runs the shorter ones", () => {
    const room = smallestPassBytes(100, { cost, chunkTokens: 16 });
    const { passes, unfit } = planPasses([1000, 100, 8], limits({ rooms: () => [room] }));
    expect(unfit).toEqual([0]);
    expect(slicesOf(passes).some(({ sequence }) => sequence === 1)).toBe(true);
  });

  it("counts the bytes that the cost model counts for a pass", () => {
    for (const pass of planPasses([5, 70, 300], limits({ passTokens: 1000 })).passes) {
      const { tables, ...bytes } = cost.pass(pass.chunks);
      expect(bytesOf(pass)).toBe(totalBytes({ ...bytes, tables: 0 }));
      expect(tables).toBeGreaterThan(0);
    }
  });
});

describe("planPasses, for any lengths and limits", () => {
  const lengthsArbitrary = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 });
  const limitsArbitrary = fc.record({
    chunkTokens: fc.integer({ min: 1, max: 256 }),
    minChunkTokens: fc.integer({ min: 1, max: 64 }),
    maxRunMs: fc.double({ min: 0, max: 5, noNaN: true }),
    passTokens: fc.constantFrom(0, 100, 1000),
    roomBytes: fc.integer({ min: 50_000, max: 20_000_000 }),
    scratchBytes: fc.constantFrom(0, 100_000, 2_000_000),
  });

  it("runs every token once, in order, within tokens, time and bytes", () => {
    fc.assert(
      fc.property(lengthsArbitrary, limitsArbitrary, (lengths, { roomBytes, ...some }) => {
        const within = limits({ ...some, runMs, rooms: () => [roomBytes] });
        const plan = planPasses(lengths, within);
        expectEveryTokenOnce(plan, lengths);
        for (const pass of plan.passes) {
          expectWellFormed(pass);
          expect(bytesOf(pass, some.scratchBytes)).toBeLessThanOrEqual(roomBytes);
          expect(Math.max(...pass.chunks.map(({ tokenCount }) => tokenCount))).toBeLessThanOrEqual(some.chunkTokens);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("keeps the time limit but for chunks of the floor, when there is room", () => {
    fc.assert(
      fc.property(lengthsArbitrary, limitsArbitrary, (lengths, some) => {
        const within = limits({ ...some, runMs });
        const slow = chunksOf(planPasses(lengths, within)).filter((chunk) => runMs(chunk) > some.maxRunMs);
        // A rest that would be shorter than the kernels like joins the slice before it.
        expect(slow.filter(({ tokenCount }) => tokenCount >= some.minChunkTokens + FLASH_TOKENS)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it("leaves no slice with a past too short for the kernel without scratch, where there is room for others", () => {
    const sizes = fc.record({
      length: fc.integer({ min: 1, max: 5000 }),
      chunkTokens: fc.integer({ min: 64, max: 512 }),
      maxRunMs: fc.constantFrom(0, 1, 10, Infinity),
      spareBytes: fc.constantFrom(0, 1_000_000, Infinity),
      kind: fc.constantFrom("webgpu" as const, "wasm" as const),
    });
    fc.assert(
      fc.property(sizes, ({ length, spareBytes, kind, ...some }) => {
        const of4b = {
          ...some,
          cost: new CostModel({ ...cost4b, kind }),
          runMs,
          minChunkTokens: MIN_CHUNK_TOKENS[kind],
        };
        const [inSmallSlices] = planPasses([length], limits({ ...of4b, chunkTokens: 64, maxRunMs: Infinity })).passes;
        const room = peakBytes(passBytes(of4b.cost, inSmallSlices!.chunks)) + spareBytes;
        const plan = planPasses([length], limits({ ...of4b, rooms: () => [room] }));
        expectEveryTokenOnce(plan, [length]);
        expect(slicesOf(plan.passes).filter((one) => one.start > 0 && one.length < FLASH_TOKENS)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it("plans any sequence in the smallest room it names, and in none that is smaller", () => {
    const sizes = fc.record({
      length: fc.integer({ min: 1, max: 2000 }),
      chunkTokens: fc.integer({ min: 1, max: 512 }),
      maxRunMs: fc.constantFrom(0, 1, Infinity),
    });
    fc.assert(
      fc.property(sizes, ({ length, chunkTokens, maxRunMs }) => {
        const room = smallestPassBytes(length, { cost, chunkTokens });
        const inRoom = (bytes: number): Plan =>
          planPasses([length], limits({ chunkTokens, maxRunMs, runMs, rooms: () => [bytes] }));
        expect(inRoom(room).unfit).toEqual([]);
        expect(inRoom(room - 1).unfit).toEqual([0]);
      }),
      { numRuns: 40 },
    );
  });
});
