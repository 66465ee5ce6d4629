import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseManifest } from "../src/model/manifest.ts";
import type { WeightBits } from "../src/pack.ts";
import { NANO_PACK, NANO_SOURCE, packNano } from "./pack-nano.ts";
import { packModel } from "./pack/pack-model.ts";
import { packCosines, type ReferenceAnswer } from "./pack/quality.ts";
import type { Rounding } from "./pack/quantize.ts";
import { temporaryFolder } from "./pack/temporary-folder.ts";

const root = temporaryFolder();
const ABSENT = `${NANO_SOURCE} is not there`;
/** What the model card states for its simulated 4-bit weights. */
const CARD_COSINE = 0.9857;

/** Mean cosine of a fresh pack to the unrounded weights; the longest texts take too long here (`npm run bench:pack`). */
async function meanCosine(bits: WeightBits, rounding: Rounding): Promise<number> {
  const golden = readFileSync(fileURLToPath(new URL("../fixtures/nano/golden.json", import.meta.url)), "utf8");
  const answers = (JSON.parse(golden) as ReferenceAnswer[]).filter((answer) => answer.input_ids.length <= 100);
  const out = join(root, `${bits}-${rounding}`);
  await packModel({ source: NANO_SOURCE, out, bits, embeddingBits: bits, rounding, golden: [5] });
  const cosines = await packCosines(out, answers);
  return cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length;
}

describe("the built-in pack", () => {
  it("is one that the runtime takes, in files under 30 MB, with card and licence", () => {
    const manifest = parseManifest(JSON.parse(readFileSync(join(NANO_PACK, "manifest.json"), "utf8")));
    expect(manifest.quantization.bits).toBe(4);
    expect(manifest.tokenTable.bits).toBe(4);
    expect(manifest.golden.map(({ inputIds }) => inputIds.length)).toEqual([5, 33, 70, 200]);
    const papers = ["LICENSE", "README.md", "manifest.json"];
    expect(readdirSync(NANO_PACK).sort()).toEqual([...manifest.files.map(({ name }) => name), ...papers].sort());
    for (const name of readdirSync(NANO_PACK)) expect(statSync(join(NANO_PACK, name)).size).toBeLessThan(30e6);
  });

  it("comes out of its source again, byte for byte", async ({ skip }) => {
    skip(!existsSync(NANO_SOURCE), ABSENT);
    const out = join(root, "nano");
    await packNano(out);
    expect(readdirSync(out).sort()).toEqual(readdirSync(NANO_PACK).sort());
    for (const name of readdirSync(out)) {
      expect([name, readFileSync(join(out, name)).equals(readFileSync(join(NANO_PACK, name)))]).toEqual([name, true]);
    }
  });
});

describe("quantisation of nano", () => {
  it("keeps 4-bit vectors nearer than the card's, and nearer than plain rounding does", async ({ skip }) => {
    skip(!existsSync(NANO_SOURCE), ABSENT);
    const search = await meanCosine(4, "search");
    const plain = await meanCosine(4, "plain");
    expect(search).toBeGreaterThan(CARD_COSINE - 0.002);
    expect(search).toBeGreaterThan(plain);
  });

  it("keeps 8-bit vectors to a cosine of 0.9995", async ({ skip }) => {
    skip(!existsSync(NANO_SOURCE), ABSENT);
    expect(await meanCosine(8, "search")).toBeGreaterThan(0.9995);
  });
});
