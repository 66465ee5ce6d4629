/** @file Text → token ids, step by step; the one door to @huggingface/tokenizers (the tokenizer of transformers.js, on its own). */
import {
  BPE,
  ByteLevelPreTokenizer,
  SequencePreTokenizer,
  SplitPreTokenizer,
  Tokenizer,
} from "@huggingface/tokenizers";
import { EmbedError } from "../errors.ts";
import { type BytePairs, encodeRun } from "./byte-pairs.ts";

/** Characters of short pieces between two chances to pause: under a millisecond. */
const STEP_CHARS = 1024;

/** Longer pieces are encoded in windows. In shorter ones a window would save nothing. */
const LONG_PIECE_CHARS = 1024;

/** Marks that are put in canonical order at once; the engine's sort is quadratic (100,000 marks take 4 s). No script stacks more than a few. */
const MARK_RUN = /\p{M}{256}/gu;

/**
 * Pieces whose ids are remembered. The library's own cache, once full, costs up to 40 µs a hit (an LRU by deletion
 * from a Map: 1 MB of digits took 38 s), so it is switched off; this one starts anew instead.
 */
const MAX_CACHED_PIECES = 20_000;

/** Most words. Engines keep longer substrings as references to the text that they are from, so all of it would stay. */
const MAX_CACHED_CHARS = 12;

export interface TokenizerFiles {
  /** `tokenizer.json`, as text or parsed. */
  readonly model: string | object;
  /** `tokenizer_config.json`, as text or parsed. */
  readonly config: string | object;
}

/** Where ids go. */
export interface TokenSink {
  readonly ids: number[];
  count: number;
  /** Ids beyond this number are counted only. */
  readonly keep: number;
}

function put(sink: TokenSink, id: number): void {
  if (sink.count++ < sink.keep) sink.ids.push(id);
}

/** The parts of the library's tokenizer, run one after the other so that long texts can be left half-way. */
export class Encoder {
  readonly #normalize: (text: string) => string;
  readonly #pattern: RegExp;
  readonly #pairs: BytePairs;
  readonly #ids: ReadonlyMap<string, number>;
  /** Matches the text of any special token, the longest first. */
  readonly #special: RegExp;
  readonly #cache = new Map<string, readonly number[]>();

  constructor(tokenizer: Tokenizer) {
    const { split, bytes, model } = partsOf(tokenizer);
    const { normalizer } = tokenizer;
    model.max_length_to_cache = 0;
    this.#normalize = (text) => (normalizer ? normalizer.normalize(text) : text);
    this.#pattern = split;
    this.#pairs = {
      toBytes: (text) => bytes.pre_tokenize_text(text).join(""),
      merge: (text) => model.bpe(text),
    };
    this.#ids = model.tokens_to_ids;
    const special = [...tokenizer.get_added_tokens_decoder().values()].map(({ content }) => content);
    special.sort((a, b) => b.length - a.length);
    this.#special = new RegExp(
      `(${special.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|") || "(?!)"})`,
    );
  }

  /** Fills `sink`; may be left after any step. */
  *encode(text: string, allowSpecialTokens: boolean, sink: TokenSink): Generator<void> {
    if (!allowSpecialTokens) return yield* this.#encodePlain(text, sink);
    // With its group, `split` keeps the special tokens: they stand at the odd places.
    for (const [place, section] of text.split(this.#special).entries()) {
      if (place % 2 === 1) put(sink, this.#id(section));
      else yield* this.#encodePlain(section, sink);
    }
  }

  *#encodePlain(text: string, sink: TokenSink): Generator<void> {
    let chars = 0;
    for (const piece of piecesOf(yield* this.#normalizeInSteps(text), this.#pattern)) {
      if (piece.length > LONG_PIECE_CHARS) {
        for (const tokens of encodeRun(piece, this.#pairs)) {
          for (const token of tokens) put(sink, this.#id(token));
          yield;
        }
        continue;
      }
      for (const id of this.#idsOf(piece)) put(sink, id);
      chars += piece.length;
      if (chars > STEP_CHARS) {
        chars = 0;
        yield;
      }
    }
  }

  *#normalizeInSteps(text: string): Generator<void, string> {
    let normalized = "";
    let from = 0;
    for (const marks of text.matchAll(MARK_RUN)) {
      const to = marks.index + marks[0].length;
      normalized += this.#normalize(text.slice(from, to));
      from = to;
      yield;
    }
    return normalized + this.#normalize(text.slice(from));
  }

  #idsOf(piece: string): readonly number[] {
    const known = this.#cache.get(piece);
    if (known) return known;
    const ids = this.#pairs.merge(this.#pairs.toBytes(piece)).map((token) => this.#id(token));
    if (this.#cache.size >= MAX_CACHED_PIECES) this.#cache.clear();
    if (piece.length <= MAX_CACHED_CHARS) this.#cache.set(piece, ids);
    return ids;
  }

  #id(token: string): number {
    const id = this.#ids.get(token);
    if (id === undefined)
      throw new EmbedError("model-corrupt", `tokenizer: no id for the token ${JSON.stringify(token)}`);
    return id;
  }
}

/** What the pre-tokenizer's pattern makes of a text, one piece after the other: matches, and what lies between. */
function* piecesOf(text: string, pattern: RegExp): Generator<string> {
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) yield text.slice(from, match.index);
    from = match.index + match[0].length;
    if (match[0] !== "") yield match[0];
  }
  if (from < text.length) yield text.slice(from);
}

/**
 * @param needed - Ids that the vocabulary must have.
 * @throws {EmbedError} `model-corrupt` for files that are not the byte-level BPE of the Qwen family.
 */
export function createEncoder(files: TokenizerFiles, needed: readonly number[]): Encoder {
  const tokenizer = construct(files);
  const missing = needed.find((id) => tokenizer.id_to_token(id) === undefined);
  if (missing !== undefined) throw new EmbedError("model-corrupt", `tokenizer: no token has the id ${missing}`);
  return new Encoder(tokenizer);
}

function construct({ model, config }: TokenizerFiles): Tokenizer {
  try {
    return new Tokenizer(parse(model), parse(config));
  } catch (cause) {
    throw new EmbedError("model-corrupt", `tokenizer: ${String(cause)}`, { cause });
  }
}

function parse(json: string | object): object {
  return typeof json === "string" ? (JSON.parse(json) as object) : json;
}

/**
 * The parts that every Qwen tokenizer is made of. One of another kind would be encoded wrongly without a word.
 *
 * @throws {EmbedError} `model-corrupt`
 */
function partsOf(tokenizer: Tokenizer): { split: RegExp; bytes: ByteLevelPreTokenizer; model: BPE } {
  const { pre_tokenizer: sequence, model } = tokenizer;
  const [split, bytes, ...others] = sequence instanceof SequencePreTokenizer ? sequence.tokenizers : [];
  const isByteLevelBpe =
    split instanceof SplitPreTokenizer &&
    split.config.behavior === "Isolated" &&
    !split.config.invert &&
    bytes instanceof ByteLevelPreTokenizer &&
    !bytes.use_regex &&
    !bytes.add_prefix_space &&
    others.length === 0 &&
    model instanceof BPE &&
    !model.ignore_merges &&
    !model.end_of_word_suffix;
  const added = [...tokenizer.get_added_tokens_decoder().values()];
  const isPlain = added.every((token) => !token.lstrip && !token.rstrip && !token.normalized);
  if (isByteLevelBpe && isPlain && split.pattern) return { split: split.pattern, bytes, model };
  throw new EmbedError("model-corrupt", "tokenizer: not the byte-level BPE of the Qwen family");
}
