/** @file Real text of exact token counts: the sample library's passages, joined and cut. Node only. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PackManifest } from "../../src/pack.ts";
import { createTokenizer, type TextTokenizer } from "../../src/tokenize/tokenizer.ts";
import { makeCorpus, type Corpus, type Sources } from "./make-corpus.ts";

export { cutTo, type BenchText, type Corpus } from "./make-corpus.ts";

const PASSAGES = "public/samples/passages.json";
const QUESTIONS = "public/samples/questions.json";

/**
 * @param folder - Of the pack, whose tokenizer counts. Reads the sample library from the working folder.
 * @param maxTokens - Instead of the pack's limit.
 */
export function openCorpus(folder: string, manifest: PackManifest, maxTokens = manifest.maxTokens): Corpus {
  const { passages } = readJson<Pick<Sources, "passages">>(PASSAGES);
  const { questions } = readJson<Pick<Sources, "questions">>(QUESTIONS);
  return makeCorpus({ passages, questions }, openTokenizer(folder, { ...manifest, maxTokens }));
}

/** @throws {Error} For a pack without a tokenizer: transformers.js takes text. */
function openTokenizer(folder: string, manifest: PackManifest): TextTokenizer {
  const { tokenizer } = manifest;
  if (!tokenizer) throw new Error(`${folder} has no tokenizer, and transformers.js takes nothing but text`);
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  return createTokenizer({ ...manifest, model: read(tokenizer.model), config: read(tokenizer.config) });
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}
