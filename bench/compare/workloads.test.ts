import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { parseManifest } from "../../src/model/manifest.ts";
import { cutTo, openCorpus, type Corpus } from "./corpus.ts";
import { SIZES } from "./sizes.ts";
import { makeWorkloads, WORKLOAD_KINDS, type Workload } from "./workloads.ts";

const folder = "public/models/nano-q4";
const manifest = parseManifest(JSON.parse(readFileSync(`${folder}/manifest.json`, "utf8")));

let corpus: Corpus;
let workloads: Workload[];

beforeAll(async () => {
  corpus = openCorpus(folder, manifest);
  const cut = openCorpus(folder, manifest, SIZES.small.truncated.limit);
  // Texts of 32,768 tokens take seconds to cut.
  workloads = await makeWorkloads(corpus, { size: "small", only: WORKLOAD_KINDS, maxTokens: 2048, cut });
});

const of = (kind: Workload["kind"]): Workload[] => workloads.filter((workload) => workload.kind === kind);

describe("openCorpus", () => {
  it("makes real text of exact token counts, another one for each place", async () => {
    for (const tokens of [5, 16, 33, 512]) expect(await corpus.textOf(tokens, 7)).toMatchObject({ tokens });
    const [one, other] = [await corpus.textOf(40, 1), await corpus.textOf(40, 2)];
    expect(one.text).not.toBe(other.text);
    expect(one.inputIds).toHaveLength(40);
    expect(one.inputIds.at(-1)).toBe(manifest.endTokenId);
  });

  it("refuses what no beginning of a text has", async () => {
    const short = { countTokens: async (text: string) => text.length };
    await expect(cutTo(9, "four", short)).rejects.toThrow("no beginning of a text of 4 letters has 9 tokens");
  });
});

describe("makeWorkloads", () => {
  it("makes every kind, with the counts that its size states", () => {
    expect(new Set(workloads.map(({ kind }) => kind))).toEqual(new Set(WORKLOAD_KINDS));
    expect(of("cold-start")[0]!.texts.map(({ tokens }) => tokens)).toEqual([16]);
    expect(of("mixed-lengths")[0]!.texts).toHaveLength(SIZES.small.mixed.texts);
    for (const { texts } of of("one-query")) {
      for (const { tokens } of texts) expect(tokens >= 8 && tokens <= 40).toBe(true);
    }
    const equal = of("equal-lengths").map(({ texts }) => texts.map(({ tokens }) => tokens));
    expect(equal).toEqual([[128, 128, 128, 128], [512]]);
    expect(of("shorter-in-batch")[0]!.texts.map(({ tokens }) => tokens)).toEqual(SIZES.small.ragged);
  });

  it("cuts the truncated text as the reference does: the end token stays", () => {
    const [{ texts, maxTokens }] = of("truncated") as [Workload];
    const { limit, tokens } = SIZES.small.truncated;
    expect(maxTokens).toBe(limit);
    expect(texts[0]).toMatchObject({ tokens });
    expect(texts[0]!.inputIds).toHaveLength(limit);
    expect(texts[0]!.inputIds.at(-1)).toBe(manifest.endTokenId);
  });

  it("measures the peer in batches and without padding, and leaves out texts that the model does not take", () => {
    const [{ entries }] = of("mixed-lengths") as [Workload];
    expect(entries.map(({ contender, mode }) => `${contender}: ${mode}`)).toEqual([
      "strata: as given",
      "transformers.js: batches",
      "transformers.js: one a call",
    ]);
    expect(of("long-text").map(({ texts }) => texts[0]!.tokens)).toEqual([2048]);
  });
});
