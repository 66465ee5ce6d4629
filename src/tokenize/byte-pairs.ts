/** @file Byte-pair encoding of runs without a boundary (no space, no punctuation), window by window. Pure. */

/**
 * Bytes encoded at once: about 5 ms of work. A whole megabyte at once takes four times as long as in windows (10 CPU
 * seconds and 0.5 GB: the library's heap outgrows the CPU's caches), and nothing could stop it.
 */
const WINDOW_BYTES = 2048;

/**
 * How far left of a cut its influence ends: a cut changes a merge only through a chain of adjacent merges of rising
 * rank, and no such chain in Qwen's merge table is longer than 236 bytes (a test computes it). So a token border
 * farther left is one of the whole run too, and the run can be encoded anew from there: the ids are exactly the same.
 */
export const CUT_REACH_BYTES = 256;

export interface BytePairs {
  /** UTF-8 bytes of a text, each as the character that stands for it in the vocabulary. */
  toBytes(text: string): string;
  /** Merges bytes to tokens; the tokens joined are the bytes again. */
  merge(bytes: string): string[];
}

/**
 * The tokens of a long run in order, those of one window at a time.
 *
 * @param run - What the pre-tokenizer does not split; well-formed.
 */
export function* encodeRun(run: string, pairs: BytePairs): Generator<string[]> {
  let bytes = "";
  for (let at = 0; at < run.length || bytes.length > 0;) {
    if (bytes.length < WINDOW_BYTES && at < run.length) {
      const end = characterBorder(run, at + WINDOW_BYTES);
      bytes += pairs.toBytes(run.slice(at, end));
      at = end;
      continue;
    }
    const cut = at < run.length || bytes.length > WINDOW_BYTES;
    const tokens = pairs.merge(bytes.slice(0, WINDOW_BYTES));
    const kept = cut ? tokensWithin(tokens, WINDOW_BYTES - CUT_REACH_BYTES) : tokens;
    yield kept;
    bytes = bytes.slice(kept.reduce((length, token) => length + token.length, 0));
  }
}

/** A position at or after `at` that is not inside a surrogate pair. */
function characterBorder(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at + 1 : at;
}

/** The tokens that end within the first `length` bytes; at least one, so that there is progress in any vocabulary. */
function tokensWithin(tokens: readonly string[], length: number): string[] {
  let count = 0;
  for (let end = 0; count < tokens.length; count++) {
    end += tokens[count]!.length;
    if (end > length) break;
  }
  return tokens.slice(0, Math.max(count, 1));
}
