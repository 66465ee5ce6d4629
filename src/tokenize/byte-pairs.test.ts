import { BPE } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readTokenizerFiles } from "../../fixtures/tokenizer/files.ts";
import { type BytePairs, CUT_REACH_BYTES, encodeRun } from "./byte-pairs.ts";

const files = readTokenizerFiles();

type Merge = readonly [string, string];

/** The model alone: UTF-8 of ASCII letters is the letters. */
function readPairs(model: string): { pairs: BytePairs; merges: readonly Merge[] } {
  const bpe = new BPE((JSON.parse(model) as { model: ConstructorParameters<typeof BPE>[0] }).model);
  return { pairs: { toBytes: (text) => text, merge: (bytes) => bpe.bpe(bytes) }, merges: bpe.merges };
}

/**
 * The longest texts through which a cut at their end can be felt at their beginning. Merges happen in the order of
 * their rank; one that differs because of the cut can only make a later one differ that takes its left part or its
 * result as right part.
 */
function cutChains(merges: readonly Merge[]): string[] {
  const chains = new Map<string, string>();
  for (const [left, right] of merges) {
    const chain = left + (chains.get(right) ?? right);
    for (const token of [left, left + right]) {
      if (chain.length > (chains.get(token)?.length ?? 0)) chains.set(token, chain);
    }
  }
  return [...chains.values()].sort((a, b) => b.length - a.length);
}

describe.skipIf(!files)("encodeRun", () => {
  const { pairs, merges } = readPairs(files?.model ?? "");
  const chains = cutChains(merges);
  const inWindows = (run: string): string[] => [...encodeRun(run, pairs)].flat();

  it("goes back far enough from a cut for every chain of merges in the table", () => {
    // What the argument rests on: a part is always made by a merge of lower rank.
    const made = new Set<string>();
    const early = merges.filter(([left, right]) => {
      made.add(left + right);
      return [left, right].some((part) => part.length > 1 && !made.has(part));
    });
    expect(early).toEqual([]);
    expect(chains[0]!.length).toBeLessThanOrEqual(CUT_REACH_BYTES);
  });

  it("gives the tokens of the whole run wherever a cut falls in the longest chain", () => {
    const chain = chains.find((text) => new Set(text).size > 20)!;
    for (let offset = 0; offset < chain.length; offset += 3) {
      const run = `${"-".repeat(2048 - offset)}${chain}${"-".repeat(2048)}`;
      expect(inWindows(run)).toEqual(pairs.merge(run));
    }
  });

  it("gives the tokens of the whole run for one letter over and over", () => {
    for (const letter of ["a", "Ġ", "="]) {
      for (const length of [0, 1, 2047, 2048, 2049, 3841, 7001]) {
        const run = letter.repeat(length);
        expect(inWindows(run)).toEqual(length === 0 ? [] : pairs.merge(run));
      }
    }
  });

  it("gives the tokens of the whole run for random letters and for chains of merges across the windows", () => {
    const letters = fc.string({
      unit: fc.constantFrom(..."abcdefghijklmnopqrstuvwxyzĠĊÃ©"),
      minLength: 1,
      maxLength: 400,
    });
    // Parts of merges of falling rank, so that what happens at the right end matters far to the left.
    const chain = fc.array(fc.nat(merges.length - 1), { minLength: 1, maxLength: 60 }).map((ranks) =>
      ranks
        .sort((a, b) => b - a)
        .map((rank) => merges[rank]!.join(""))
        .join(""),
    );
    const parts = fc.array(fc.oneof(letters, chain), { minLength: 20, maxLength: 40, size: "max" });
    const run = parts.map((texts) => texts.join("").padEnd(5000, texts.join("")));
    fc.assert(
      fc.property(run, (text) => {
        expect(inWindows(text)).toEqual(pairs.merge(text));
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });

  it("makes progress in a vocabulary whose tokens are longer than a window", () => {
    const whole: BytePairs = { toBytes: (text) => text, merge: (bytes) => [bytes] };
    expect([...encodeRun("a".repeat(5000), whole)].flat().join("")).toHaveLength(5000);
  });

  it("does not cut a character in two", () => {
    const bytes: BytePairs = {
      toBytes: (text) => String.fromCharCode(...new TextEncoder().encode(text)),
      merge: (text) => [...text],
    };
    for (const run of ["😀".repeat(3000), `a${"😀".repeat(3000)}`, "中".repeat(3000)]) {
      const joined = [...encodeRun(run, bytes)].flat().join("");
      expect(new TextDecoder().decode(Uint8Array.from(joined, (byte) => byte.charCodeAt(0)))).toBe(run);
    }
  });
});
