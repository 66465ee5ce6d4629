/** @file Known answers of a pack: inputs of exact token counts and their float64 vectors. */
import { EmbedError } from "../../src/errors.ts";
import type { GoldenVector, Prompts, Role } from "../../src/pack.ts";
import { createTokenizer } from "../../src/tokenize/tokenizer.ts";
import type { ReferenceWeights } from "./reference.ts";
import { referenceVectors } from "./reference.ts";
import type { ModelSource } from "./source.ts";

/** Below and above the 32 tokens where ONNX Runtime changes its attention kernel, and across several of its tiles. */
export const GOLDEN_TOKENS = [5, 33, 70, 200];

/** The runtime runs them all at each load. */
const MAX_GOLDEN = 64;

/** Room for candidates that are longer than what is asked for. */
const COUNTED_TOKENS = 2 ** 17;
/** A query shorter than this would say next to nothing beside its prompt. */
const MIN_QUERY_TOKENS = 4;

/** Components are stored to 1e-9: far below any tolerance, and the last bits of `Math.exp` on other machines do not show. */
const STORED_PRECISION = 1e9;

/** What the golden texts are cut from: languages, scripts, punctuation, digits and code. */
const PASSAGES = [
  "Glaciers move slowly, yet they carve valleys. In winter the snow piles up (often 3–4 m deep); in summer it melts.",
  "Der Kühlschrank brummt, obwohl niemand die Tür geöffnet hat – vielleicht ist das Thermostat defekt?",
  "为什么月亮总是以同一面朝向地球?因为它的自转周期与公转周期相同。",
  "function area(r) { return Math.PI * r ** 2; } // 12.566 for r = 2",
  "La panadería abre a las 7:30, pero el pan de centeno sólo se hornea los jueves. ¿Quieres que te guarde uno?",
  "Море сегодня спокойное, и рыбаки вернулись раньше обычного.",
  "البطاريات القديمة تفقد سعتها ببطء عندما تُشحن كثيرًا.",
  "駅前の古い時計台は、毎日正午に鐘を鳴らします。",
  "A violin bow is strung with horsehair; rosin makes it grip the string 🎻, and without it there is hardly a sound.",
  "E-mail: post@example.org, total: €1,299.00 (incl. 19 % VAT), due 2031-02-28!",
];

/** A known answer yet to be computed. */
export type GoldenInput = Omit<GoldenVector, "vector" | "dimensions">;

/**
 * Inputs of exactly the given token counts, end token included: with a tokenizer texts, the second one a query;
 * without one, pseudo-random ids.
 *
 * @throws {EmbedError} `invalid-input` for more tokens than the model takes, or more inputs than a manifest holds.
 */
export async function goldenInputs(
  source: ModelSource,
  prompts: Prompts,
  tokenCounts: readonly number[],
): Promise<GoldenInput[]> {
  const { tokenizer: files, endTokenId, padTokenId, maxTokens } = source;
  const excess = tokenCounts.find((count) => count > maxTokens);
  if (excess !== undefined || tokenCounts.length > MAX_GOLDEN) {
    const limits = `${MAX_GOLDEN} of at most ${maxTokens} tokens`;
    throw new EmbedError("invalid-input", `golden inputs of ${tokenCounts.join()} tokens, possible are ${limits}`);
  }
  if (!files) return tokenCounts.map((count) => ({ role: "document", inputIds: randomIds(count, source) }));
  const tokenizer = createTokenizer({ ...files, endTokenId, padTokenId, maxTokens: COUNTED_TOKENS, prompts });
  const queryTokens = await tokenizer.countTokens("", { role: "query" });
  const inputs: GoldenInput[] = [];
  for (const [index, count] of tokenCounts.entries()) {
    const role: Role = index === 1 && count >= queryTokens + MIN_QUERY_TOKENS ? "query" : "document";
    const encode = async (text: string) => Array.from((await tokenizer.encode(text, { role })).inputIds);
    const text = await cutText(index, count, async (candidate) => (await encode(candidate)).length);
    inputs.push({ text, role, inputIds: await encode(text) });
  }
  return inputs;
}

/** Embeds the inputs with the pack's own weights. */
export async function goldenVectors(
  weights: ReferenceWeights,
  inputs: readonly GoldenInput[],
): Promise<GoldenVector[]> {
  const vectors = await referenceVectors(
    weights,
    inputs.map((input) => input.inputIds),
  );
  return inputs.map((input, i) => {
    const vector = Array.from(vectors[i]!, (value) => Math.round(value * STORED_PRECISION) / STORED_PRECISION);
    return { ...input, dimensions: vector.length, vector };
  });
}

/**
 * A text of exactly `tokens` tokens: the passages from one on, cut between two characters.
 *
 * @param countTokens - Of a text, its prompt and end token included.
 */
async function cutText(
  firstPassage: number,
  tokens: number,
  countTokens: (text: string) => Promise<number>,
): Promise<string> {
  let text = PASSAGES[firstPassage % PASSAGES.length]!;
  for (let i = firstPassage + 1; (await countTokens(text)) < tokens; i++) text += ` ${PASSAGES[i % PASSAGES.length]!}`;
  const characters = [...text];
  for (let length = characters.length; length >= 0; length--) {
    const candidate = characters.slice(0, length).join("");
    if (!candidate.endsWith(" ") && (await countTokens(candidate)) === tokens) return candidate;
  }
  throw new EmbedError("invalid-input", `the golden passages give no text of ${tokens} tokens, ask for some more`);
}

/** Ids from 2 on (0 and 1 are special in models without a tokenizer) from a fixed linear congruential generator. */
function randomIds(count: number, { endTokenId, architecture }: ModelSource): number[] {
  let state = count;
  const ids = Array.from({ length: count - 1 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const id = 2 + Math.floor((state / 2 ** 32) * (architecture.vocab_size - 2));
    return id === endTokenId ? 0 : id;
  });
  return [...ids, endTokenId];
}
