import { afterAll, describe, expect, it } from "vitest";
import { compare, packUrl, randomIds } from "../fixtures/browser-packs.ts";
import { openHttpPack } from "../model/source.ts";
import type { Chunk, Pass, Slice } from "../types.ts";
import { chooseExecution, openEngine, type Engine } from "./engine.ts";

const engines: Engine[] = [];
afterAll(() => engines.forEach((engine) => engine.release()));

const chunkOf = (sliced: boolean, ...slices: Slice[]): Chunk => ({
  slices,
  sliced,
  tokenCount: slices.reduce((sum, { length }) => sum + length, 0),
});
const passOf = (...chunks: Chunk[]): Pass => ({
  chunks,
  tokenCount: chunks.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
});

describe.each(["wasm", "webgpu"] as const)("LayerStack on %s", (device) => {
  it("runs a pass that mixes chunks of whole sequences with slices of several others", async () => {
    const pack = await openHttpPack(packUrl("stress-q16"));
    const choice = await chooseExecution({ device, activations: "f32" }, navigator.gpu, []);
    const engine = await openEngine(pack, choice);
    engines.push(engine);
    const sequences = [7, 33, 50, 90, 12].map((length) => Int32Array.from(randomIds(length, length)));
    const run = (pass: Pass): Promise<Map<number, Float32Array>> =>
      engine.stack.runPass(pass, { inputIds: (sequence) => sequences[sequence]!, exclusive: (task) => task() });
    const mixed = await run(
      passOf(
        chunkOf(false, { sequence: 0, start: 0, length: 7 }, { sequence: 1, start: 0, length: 33 }),
        chunkOf(true, { sequence: 2, start: 0, length: 40 }),
        chunkOf(true, { sequence: 2, start: 40, length: 10 }),
        chunkOf(true, { sequence: 3, start: 0, length: 40 }),
        chunkOf(true, { sequence: 3, start: 40, length: 40 }),
        chunkOf(true, { sequence: 3, start: 80, length: 10 }),
        chunkOf(false, { sequence: 4, start: 0, length: 12 }),
      ),
    );
    expect([...mixed.keys()].sort()).toEqual([0, 1, 2, 3, 4]);
    for (const [sequence, ids] of sequences.entries()) {
      const alone = await run(passOf(chunkOf(false, { sequence, start: 0, length: ids.length })));
      // Hidden states before the final norm reach 15: this is 3e-6 of their size.
      expect(compare([mixed.get(sequence)!], [alone.get(sequence)!]).maxAbsDiff).toBeLessThanOrEqual(5e-5);
    }
  });
});
