/**
 * @file Vectors that are shaped like embeddings of passages, made from a seed. Synthetic: no text, no model.
 *
 * A passage is a draw in a latent space whose variance falls off (a few directions carry most of it, as in real
 * embeddings), in three stages: topic, document of the topic, passage of the document. A fixed rotation then spreads
 * the latent space over all components, the early ones somewhat stronger, so that a Matryoshka cut keeps much and not
 * all; a mean that all passages share and a few components that stick out (both are found in real models) come last.
 */

/** Variance of latent direction j falls as 1 ÷ (1 + j ÷ SPECTRUM_KNEE): half of it lies in the first tenth of 1,024. */
const SPECTRUM_KNEE = 24;
const TOPICS = 400;
const PASSAGES_PER_DOCUMENT = 8;
/** Shares of a passage's variance: neighbours within a document have cosines near 0.75, within a topic near 0.5. */
const SHARES = { mean: 0.2, topic: 0.3, document: 0.25, passage: 0.25 } as const;
/** A query is the passage that it asks for, and as much again of something else: cosines near 0.7. */
const QUERY_NOISE = 1;
/** Component i has the weight (1 + i ÷ DECAY_KNEE)^−½. */
const DECAY_KNEE = 512;
/** Every so many components, one sticks out. */
const OUTLIER_STRIDE = 251;
const OUTLIER_WEIGHT = 4;

export type VectorKind = "embedding-like" | "gaussian";

export interface VectorShape {
  readonly kind: VectorKind;
  readonly rows: number;
  /** A power of two. */
  readonly dimensions: number;
  readonly seed: number;
}

/** Writes unit rows one after the other, `[dimensions]` each, always the same for a seed. */
export interface VectorSource {
  /** Row `row` of the library. */
  passage(row: number, out: Float32Array): void;
  /** A question that row `row` answers. */
  query(row: number, out: Float32Array): void;
}

/** @returns Rows by number: none has to be held. */
export function openVectors(shape: VectorShape): VectorSource {
  return shape.kind === "gaussian" ? gaussianVectors(shape) : embeddingLikeVectors(shape);
}

/** The worst case for every index: all rows about as far from the query as any other. */
function gaussianVectors({ seed }: VectorShape): VectorSource {
  const draw = (salt: number, out: Float32Array): void => {
    const normal = normalDraws(mix(seed, salt));
    for (let i = 0; i < out.length; i++) out[i] = normal();
    toUnit(out);
  };
  return { passage: (row, out) => draw(2 * row, out), query: (row, out) => draw(2 * row + 1, out) };
}

function embeddingLikeVectors({ dimensions, seed }: VectorShape): VectorSource {
  const latent = Float32Array.from({ length: dimensions }, (_, j) => Math.sqrt(1 / (1 + j / SPECTRUM_KNEE)));
  const spread = rotation(dimensions, seed);
  const mean = new Float32Array(dimensions);
  const add = (out: Float32Array, weight: number, salt: number): void => {
    const normal = normalDraws(mix(seed, salt));
    for (let j = 0; j < dimensions; j++) out[j]! += weight * latent[j]! * normal();
  };
  add(mean, Math.sqrt(SHARES.mean), 1);
  const topics = new Map<number, Float32Array>();
  const topicOf = (document: number): Float32Array => {
    // Squared: some topics are larger than others.
    const topic = Math.floor(TOPICS * (mix(seed, 4 * document + 2) / 2 ** 32) ** 2);
    const centre = topics.get(topic) ?? mean.slice();
    if (!topics.has(topic)) add(centre, Math.sqrt(SHARES.topic), 4 * topic + 3);
    topics.set(topic, centre);
    return centre;
  };
  // The last one made: rows mostly come in order.
  let made = { document: -1, centre: mean };
  const latentPassage = (row: number, out: Float32Array): void => {
    const document = Math.floor(row / PASSAGES_PER_DOCUMENT);
    if (made.document !== document) {
      made = { document, centre: topicOf(document).slice() };
      add(made.centre, Math.sqrt(SHARES.document), 4 * document);
    }
    out.set(made.centre);
    add(out, Math.sqrt(SHARES.passage), 4 * row + 0x4000_0001);
  };
  return {
    passage(row, out) {
      latentPassage(row, out);
      spread(out);
    },
    query(row, out) {
      latentPassage(row, out);
      add(out, QUERY_NOISE, 4 * row + 0x4000_0002);
      spread(out);
    },
  };
}

/** A fixed random rotation (signs and Hadamard, twice), then each component's weight and unit length. */
function rotation(dimensions: number, seed: number): (vector: Float32Array) => void {
  const signs = [1, 2].map((round) =>
    Float32Array.from({ length: dimensions }, (_, i) => (mix(seed, 0x7000_0000 + round * dimensions + i) & 1 ? 1 : -1)),
  );
  const weights = Float32Array.from({ length: dimensions }, (_, i) => {
    const sticksOut = i % OUTLIER_STRIDE === OUTLIER_STRIDE - 1;
    return (1 + i / DECAY_KNEE) ** -0.5 * (sticksOut ? OUTLIER_WEIGHT : 1);
  });
  return (vector) => {
    for (const turned of signs) {
      for (let i = 0; i < dimensions; i++) vector[i]! *= turned[i]!;
      hadamard(vector);
    }
    for (let i = 0; i < dimensions; i++) vector[i]! *= weights[i]!;
    toUnit(vector);
  };
}

/** In place, not scaled. */
function hadamard(vector: Float32Array): void {
  for (let half = 1; half < vector.length; half *= 2) {
    for (let start = 0; start < vector.length; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const [a, b] = [vector[i]!, vector[i + half]!];
        vector[i] = a + b;
        vector[i + half] = a - b;
      }
    }
  }
}

function toUnit(vector: Float32Array): void {
  let sum = 0;
  for (const component of vector) sum += component * component;
  const factor = 1 / Math.sqrt(sum);
  for (let i = 0; i < vector.length; i++) vector[i]! *= factor;
}

/** 32 well-mixed bits of two numbers. @see https://github.com/aappleby/smhasher (MurmurHash3's finalizer) */
function mix(seed: number, salt: number): number {
  let bits = (Math.imul(seed, 0x9e3779b9) ^ salt) >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** Sums of four uniform draws: near enough to normal here, and no logarithm. Mean 0, variance 1. */
function normalDraws(seed: number): () => number {
  let state = seed | 1;
  return () => {
    let sum = 0;
    for (let i = 0; i < 4; i++) {
      // xorshift32
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      sum += state;
    }
    return (sum / 2 ** 31) * Math.sqrt(3 / 4);
  };
}
