/** @file The catalogue against the packs and shapes that are there. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { PackManifest } from "../src/pack.ts";
import { SHAPES } from "../tools/pack/synthetic-pack.ts";
import { CATALOGUE, factsOf, NANO, packBytes, packCommand } from "./catalogue.ts";
import { BUILT_IN_MODEL } from "./settings.ts";

const manifest = JSON.parse(
  readFileSync(new URL(`../public/${BUILT_IN_MODEL}manifest.json`, import.meta.url), "utf8"),
) as PackManifest;

describe("CATALOGUE", () => {
  it("has the built-in pack as it is", () => {
    const { architecture, quantization, tokenTable, files } = manifest;
    expect(NANO).toMatchObject({ architecture, bits: quantization.bits, tableBits: tokenTable.bits });
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    expect(Math.abs(packBytes(NANO) / bytes - 1)).toBeLessThan(1e-3);
  });

  it.each(CATALOGUE.map((entry) => [entry.id, entry] as const))("has the shape of %s", (id, entry) => {
    expect(entry.architecture).toEqual(SHAPES[id].architecture);
  });

  it("asks for no storage for the built-in pack, and for all of the others", () => {
    expect(CATALOGUE.map((entry) => factsOf(entry).missingBytes > 0)).toEqual([false, true, true, true]);
    const gigabytes = CATALOGUE.slice(1).map((entry) => (packBytes(entry) / 1e9).toFixed(2));
    expect(gigabytes).toEqual(["0.42", "2.46", "4.57"]);
  });

  it("says how to make a pack", () => {
    expect(packCommand("Qwen/Qwen3-Embedding-4B")).toBe(
      "npm run pack -- --source Qwen/Qwen3-Embedding-4B --bits 4 --out Qwen3-Embedding-4B",
    );
  });
});
