/** @file Documents and an embedder without a model, for indexes of any size: text n has vector n of `synthetic-vectors.ts`. */
import type { Embedder, EmbeddingMatrix, SearchDocument } from "../../src/index.ts";
import { openVectors } from "./synthetic-vectors.ts";

const WORDS = 20_000;
const WORDS_PER_PASSAGE = 60;
/** Of one document: a longer text would be a book. */
export const PASSAGES_PER_DOCUMENT = 50;
const VECTORS_AT_ONCE = 4;
const SPACE = "synthetic";

/** Numbers from 0 to 1, the same for a seed. */
function draws(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const SYLLABLES = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu".split(" ");

/** The n-th most frequent word. */
function word(n: number): string {
  let text = "";
  for (let rest = n + 20; rest > 0; rest = Math.floor(rest / 20)) text += SYLLABLES[rest % 20]!;
  return text;
}

/** Words by Zipf's law; the first tells the embedder which passage it is. */
function passageText(number: number): string {
  const draw = draws(number + 1);
  const words = Array.from({ length: WORDS_PER_PASSAGE }, () => word(Math.floor(WORDS ** draw()) - 1));
  return `P${number} ${words.join(" ")}.`;
}

/** @param count - Of passages: one paragraph each. */
export function* syntheticDocuments(count: number): Generator<SearchDocument> {
  for (let first = 0; first < count; first += PASSAGES_PER_DOCUMENT) {
    const size = Math.min(PASSAGES_PER_DOCUMENT, count - first);
    const text = Array.from({ length: size }, (_, i) => passageText(first + i)).join("\n\n");
    yield { id: `d${first}`, text, metadata: { part: (first / PASSAGES_PER_DOCUMENT) % 10 } };
  }
}

/** A question that passage `number` answers, with two of its words. */
export const question = (number: number): string => passageText(number).split(" ").slice(0, 4).join(" ");

/** What an index needs of an embedder. */
export function syntheticEmbedder(dimensions: number): Embedder {
  const source = openVectors({ kind: "embedding-like", rows: 0, dimensions, seed: 1 });
  const embed = async (inputs: readonly string[]): Promise<EmbeddingMatrix> => {
    const data = new Float32Array(inputs.length * dimensions);
    for (const [i, input] of inputs.entries()) {
      source.passage(numberIn(input), data.subarray(i * dimensions, (i + 1) * dimensions));
      // A model would be in a worker: what it takes here is not to hold up the page.
      if (i % VECTORS_AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    return toMatrix(data, inputs.length, dimensions);
  };
  const query = (text: string): Float32Array => {
    const vector = new Float32Array(dimensions);
    source.query(numberIn(text), vector);
    return vector;
  };
  const parts: Pick<Embedder, "embed" | "embedDocuments" | "embedQuery"> = {
    embed: embed as unknown as Embedder["embed"],
    embedDocuments: embed as unknown as Embedder["embedDocuments"],
    embedQuery: async (text) => query(text),
  };
  return parts as Embedder;
}

function toMatrix(data: Float32Array, rows: number, dimensions: number): EmbeddingMatrix {
  return {
    output: "float32",
    data,
    scales: null,
    rows,
    dimensions,
    tokenCounts: new Int32Array(rows).fill(2 * WORDS_PER_PASSAGE),
    truncated: new Uint8Array(rows),
    faulty: new Int32Array(0),
    space: SPACE,
    timings: { tokenizeMs: 0, queueMs: 0, runMs: 0, poolMs: 0, totalMs: 0 },
  };
}

const numberIn = (text: string): number => Number(/P(\d+)/.exec(text)?.[1] ?? 0);
