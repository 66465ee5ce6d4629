/** @file Text → sequence: clean, prompt, encode, keep to the limit. */
import type { PackManifest } from "../pack.ts";
import type { Sequence, TokenizeOptions } from "../types.ts";
import { cleanText, wellFormed } from "./clean.ts";
import { createEncoder, type TokenizerFiles, type TokenSink } from "./encoder.ts";
import { Pacer } from "./pacer.ts";
import { applyPrompt } from "./prompt.ts";
import { endSequence, tooLong, wrongType } from "./sequence.ts";

/** A text over the limit is counted this far for the error message: the whole of 1 MB, and not hours of a disk image. */
const MAX_COUNTED_TOKENS = 2 ** 20;

export type TokenizerOptions = TokenizerFiles &
  Pick<PackManifest, "endTokenId" | "padTokenId" | "maxTokens" | "prompts">;

export interface EncodeOptions extends TokenizeOptions {
  /** Row of the request, for error messages. @default 0 */
  readonly index?: number;
}

/** The tokenizer of a loaded pack. It works in slices of about 8 ms, between which `signal` and other work get their turn. */
export interface TextTokenizer {
  /**
   * Cleans, adds the prompt and encodes; the end token comes last, whatever is cut.
   *
   * @throws {EmbedError} `invalid-input` for what is no string, or too long under `overflow: "error"`; `aborted`.
   */
  encode(text: string, options?: EncodeOptions, signal?: AbortSignal): Promise<Sequence>;
  /**
   * Tokens that the text would have if nothing were cut, end token included.
   *
   * @throws {EmbedError} `invalid-input` for what is no string; `aborted`.
   */
  countTokens(text: string, options?: EncodeOptions, signal?: AbortSignal): Promise<number>;
}

/**
 * Reads the tokenizer's files; about half a second of work, in one piece.
 *
 * @throws {EmbedError} `model-corrupt` for files that are not the byte-level BPE of the Qwen family.
 */
export function createTokenizer(options: TokenizerOptions): TextTokenizer {
  const { prompts, endTokenId, padTokenId, maxTokens } = options;
  const encoder = createEncoder(options, [endTokenId, padTokenId]);
  const pacer = new Pacer();

  const stepsOf = (text: string, options: EncodeOptions, sink: TokenSink): Iterable<void> => {
    const { index = 0, clean, allowSpecialTokens = false } = options;
    if (typeof text !== "string") throw wrongType(text, "a string", index);
    const prompted = wellFormed(applyPrompt(cleanText(text, clean), prompts, options));
    return encoder.encode(prompted, allowSpecialTokens, sink);
  };

  return {
    async encode(text, options = {}, signal) {
      const limits = { ...options, endTokenId, maxTokens };
      const cut = options.overflow === "truncate";
      const sink: TokenSink = { ids: [], count: 0, keep: maxTokens };
      await pacer.run(stepsOf(text, options, sink), () => sink.count >= (cut ? maxTokens : MAX_COUNTED_TOKENS), signal);
      if (cut || sink.count < maxTokens) return endSequence(sink.ids, limits);
      throw tooLong(sink.count + 1, { ...limits, atLeast: sink.count >= MAX_COUNTED_TOKENS });
    },
    async countTokens(text, options = {}, signal) {
      const sink: TokenSink = { ids: [], count: 0, keep: 0 };
      await pacer.run(stepsOf(text, options, sink), () => false, signal);
      return sink.count + 1;
    },
  };
}
