import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { InferenceSession } from "onnxruntime-web";
import { describe, expect, it } from "vitest";
import { packModel } from "../pack/pack-model.ts";
import { temporaryFolder } from "../pack/temporary-folder.ts";
import { exportModel } from "./export-model.ts";
import { embedPadded, hiddenStates, maxAbsDiff, openExported, unit } from "./run-exported.ts";

const root = temporaryFolder();
const stress = fileURLToPath(new URL("../../fixtures/stress", import.meta.url));
/** Float32 against float64: three layers of sums of up to 224 products leave some 1e-6. */
const TOLERANCE = 2e-5;

interface Known {
  readonly inputIds: readonly number[];
  readonly vector: readonly number[];
}

async function expectParity(session: InferenceSession, known: readonly Known[]): Promise<void> {
  const expected = known.map(({ vector }) => vector);
  const alone: number[][] = [];
  for (const { inputIds } of known) alone.push(...(await embedPadded(session, { rows: [inputIds], side: "left" })));
  expect(maxAbsDiff(alone, expected)).toBeLessThan(TOLERANCE);
  const rows = known.map(({ inputIds }) => inputIds);
  for (const side of ["left", "right"] as const) {
    expect(maxAbsDiff(await embedPadded(session, { rows, side }), expected)).toBeLessThan(TOLERANCE);
  }
}

interface Golden {
  readonly input_ids: readonly number[];
  readonly embedding: readonly number[];
}

/** Of the weights as they are, 1 to 130 tokens: several of attention's tiles, little enough for seconds. */
const known = (JSON.parse(readFileSync(join(stress, "golden.json"), "utf8")) as Golden[])
  .map(({ input_ids: inputIds, embedding: vector }) => ({ inputIds, vector }))
  .filter(({ inputIds }) => inputIds.length <= 130);

describe("an export of a model", () => {
  it("gives its float64 vectors in fp32, alone, padded on the left and padded on the right", async () => {
    const out = join(root, "fp32");
    await exportModel({ source: stress, out, dtypes: ["fp32"] });
    const session = await openExported(out, "model.onnx");
    expect(session.inputNames).toEqual(["input_ids", "attention_mask", "position_ids"]);
    expect(session.outputNames).toEqual(["last_hidden_state"]);
    expect(known.length).toBeGreaterThan(10);
    await expectParity(session, known);
    await session.release();
  });

  it("leaves out what any mask leaves out, and bears a row without tokens", async () => {
    const session = await openExported(join(root, "fp32"), "model.onnx");
    const { inputIds, vector } = known.find(({ inputIds }) => inputIds.length >= 30 && inputIds.length < 60)!;
    // A position that is not there after every third token, one row all padding.
    const ids = inputIds.flatMap((id, i) => (i % 3 === 0 ? [id, 7] : [id]));
    const mask = inputIds.flatMap((_, i) => (i % 3 === 0 ? [1, 0] : [1]));
    const last = mask.lastIndexOf(1);
    const none = new Array<number>(ids.length).fill(0);
    const states = await hiddenStates(session, [ids, none], [mask, none]);
    expect(maxAbsDiff([unit(states.at(0, last))], [vector])).toBeLessThan(TOLERANCE);
    expect(states.values.every(Number.isFinite)).toBe(true);
    await session.release();
  });

  it("stays close to them in fp16", async () => {
    const out = join(root, "fp16");
    await exportModel({ source: stress, out, dtypes: ["fp16"] });
    const session = await openExported(out, "model_fp16.onnx");
    const short = known.filter(({ inputIds }) => inputIds.length < 60);
    const rows = short.map(({ inputIds }) => inputIds);
    const vectors = await embedPadded(session, { rows, side: "left" });
    const cosines = vectors.map((vector, n) => vector.reduce((sum, x, i) => sum + x * short[n]!.vector[i]!, 0));
    // Weights and activations of 11 bits; mistakes of the graph are beyond 0.99 (fixtures/stress/README.md).
    expect(Math.min(...cosines)).toBeGreaterThan(0.9999);
    await session.release();
  });
});

describe("an export of a pack", () => {
  it.each([
    { bits: 4, embeddingBits: 8, dtypes: ["q4", "fp32"] },
    { bits: 8, embeddingBits: 4, dtypes: ["q8"] },
    { bits: 16, embeddingBits: 16, dtypes: ["fp32"] },
  ] as const)("gives the pack's known answers: $bits bits, table of $embeddingBits, as $dtypes", async (choice) => {
    const { bits, embeddingBits, dtypes } = choice;
    const [pack, out] = [join(root, `pack-${bits}`), join(root, `export-${bits}`)];
    const { manifest } = await packModel({ source: stress, out: pack, bits, embeddingBits, golden: [1, 33, 70] });
    const { graphs } = await exportModel({ source: pack, out, dtypes });
    for (const { file } of graphs) {
      const session = await openExported(out, file);
      await expectParity(session, manifest.golden);
      await session.release();
    }
  });
});
