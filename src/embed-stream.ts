/** @file One row after the other from a source of any length: batches in flight, bounded memory. */
import { checkPositiveInteger, checkRequest } from "./embedder-input.ts";
import { rowOf } from "./embedding-matrix.ts";
import { assert, EmbedError, throwIfAborted } from "./errors.ts";
import type { CallHooks, EmbeddingMatrix, EmbedInput, EmbedProgress, EmbedRequest, OutputArrays } from "./types.ts";
import type { OutputType } from "./types.ts";

/** Some 16,000 tokens of usual passages: large passes for streamed weights, and yet rows every few seconds. */
const BATCH_TEXTS = 128;

/** About 64,000 tokens of English, two of the longest texts: long texts come in smaller batches. A batch exceeds it by one text at most. */
const BATCH_CHARACTERS = 256 * 1024;

/** Of English; token ids count as this many characters each. */
const CHARACTERS_PER_TOKEN = 4;

/** One that is being read, one that runs, and one that waits, so that the worker always has the next. */
const BATCHES_IN_FLIGHT = 3;

/** Shortest wait before a batch that the queue refused is offered again, in milliseconds. */
const MIN_RETRY_MS = 10;

/** What has been done so far; nobody knows how much there will be. */
export type StreamProgress = Pick<EmbedProgress, "doneTexts" | "doneTokens">;

/** How a stream is embedded. `priority` is "bulk" unless told. */
export interface StreamOptions<O extends OutputType = OutputType> extends EmbedRequest<O>, CallHooks<StreamProgress> {
  /** Most texts in one request. Rows come when their batch is full or the source has ended. @default 128 */
  readonly batchTexts?: number;
  /** Batches that are read, embedded or not fully taken yet: what bounds memory. @default 3 */
  readonly batchesInFlight?: number;
}

/** One embedding of a stream. */
export interface EmbeddedRow<O extends OutputType = "float32"> {
  /** Place in the source, from 0. */
  readonly index: number;
  /** `[dimensions]`; binary: `[ceil(dimensions / 8)]`. The caller's own. */
  readonly vector: OutputArrays[O];
  /** int8 only: value ≈ code · scale. */
  readonly scale: number | null;
  /** Tokens that were run, end token included. */
  readonly tokenCount: number;
  readonly truncated: boolean;
  /** Zeros, which are no vector (`faultyRows: "zero"`). */
  readonly faulty: boolean;
  /** Embedding-space id: vectors are comparable when these are equal. */
  readonly space: string;
}

/** `Embedder.embed`, or what behaves like it. */
export type EmbedBatch<O extends OutputType> = (
  inputs: readonly EmbedInput[],
  options: EmbedRequest<O> & CallHooks<EmbedProgress>,
) => Promise<EmbeddingMatrix<O>>;

type Source = Iterable<EmbedInput> | AsyncIterable<EmbedInput>;

/** Resolves after the time, or as soon as the signal fires. */
type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/**
 * Embeds what `source` yields, in order. It is read in batches, and no further than `batchesInFlight` allow while rows
 * are not taken; a batch that the queue refuses is offered again. Leaving the loop cancels what is in flight and closes
 * the source (one that is in the middle of a read: after it).
 *
 * @param options - `wait` replaces the clock.
 * @throws {EmbedError} `invalid-input` for options, at once. While rows are taken: the source's own errors and those of
 * `embed`, after all rows before them, with `details.index` counted in the stream; `aborted`.
 */
export function embedStream<O extends OutputType = "float32">(
  embed: EmbedBatch<O>,
  source: Source,
  options: StreamOptions<O> & { readonly wait?: Wait } = {},
): AsyncGenerator<EmbeddedRow<O>, void, undefined> {
  const { batchTexts = BATCH_TEXTS, batchesInFlight = BATCHES_IN_FLIGHT, ...rest } = options;
  const { signal, onProgress, wait = waitFor, ...request } = rest;
  checkSource(source);
  checkRequest(options);
  checkPositiveInteger("batchTexts", batchTexts);
  checkPositiveInteger("batchesInFlight", batchesInFlight);
  const stop = new AbortController();
  const batches = readBatches(source, batchTexts, stop.signal);
  const sent = { ...request, priority: request.priority ?? "bulk" } as EmbedRequest<O>;
  const rows = new BatchStream(batches, { embed, request: sent, onProgress, wait, stop }).rows(batchesInFlight, signal);
  // A generator's own `return` waits for the row that is being computed; this one cancels it.
  const leave = <T>(left: () => Promise<T>): Promise<T> => {
    stop.abort();
    return left();
  };
  return {
    next: () => rows.next(),
    return: (value) => leave(() => rows.return(value)),
    throw: (error) => leave(() => rows.throw(error)),
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: () => leave(async () => void (await rows.return())),
  };
}

/** One batch's outcome: its rows, and the error that comes after them. */
interface Embedded<O extends OutputType> {
  readonly start: number;
  readonly matrix: EmbeddingMatrix<O>;
  readonly failure: EmbedError | null;
}

interface BatchStreamOptions<O extends OutputType> {
  readonly embed: EmbedBatch<O>;
  readonly request: EmbedRequest<O>;
  readonly onProgress: ((progress: StreamProgress) => void) | undefined;
  readonly wait: Wait;
  readonly stop: AbortController;
}

class BatchStream<O extends OutputType> {
  readonly #batches: AsyncGenerator<EmbedInput[], void>;
  readonly #options: BatchStreamOptions<O>;
  readonly #progress: ProgressSum;
  /** Reads under way. */
  #reads = 0;
  #textsRead = 0;

  constructor(batches: AsyncGenerator<EmbedInput[], void>, options: BatchStreamOptions<O>) {
    this.#batches = batches;
    this.#options = options;
    this.#progress = new ProgressSum(options.onProgress);
  }

  async *rows(batchesInFlight: number, signal: AbortSignal | undefined): AsyncGenerator<EmbeddedRow<O>, void> {
    throwIfAborted(signal);
    // At once, and not when the next row is asked for: nobody may ask.
    const onAbort = (): void => void this.#close().catch(() => {});
    signal?.addEventListener("abort", onAbort);
    try {
      yield* this.#inOrder(batchesInFlight);
      throwIfAborted(signal);
    } catch (error) {
      // What went wrong first is what counts.
      await this.#close().catch(() => {});
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      await this.#close();
    }
  }

  /** Ends early when the stream is stopped. */
  async *#inOrder(batchesInFlight: number): AsyncGenerator<EmbeddedRow<O>, void> {
    const { signal } = this.#options.stop;
    const inFlight = Array.from({ length: batchesInFlight }, () => this.#next());
    for (;;) {
      const embedded = await unlessAborted(inFlight.shift()!, signal);
      if (embedded === null) return;
      for (let row = 0; row < embedded.matrix.rows; row++) {
        yield rowAt(embedded, row);
        if (signal.aborted) return;
      }
      if (embedded.failure) throw embedded.failure;
      inFlight.push(this.#next());
    }
  }

  /** The next batch's rows; `null` after the last one. */
  #next(): Promise<Embedded<O> | null> {
    const embedded = this.#readAndEmbed();
    // Thrown when its turn comes, or never: one that is not waited for yet must not count as unhandled.
    embedded.catch(() => {});
    return embedded;
  }

  async #readAndEmbed(): Promise<Embedded<O> | null> {
    // The generator serves reads that overlap one after the other.
    this.#reads++;
    const { value: inputs } = await this.#batches.next().finally(() => this.#reads--);
    if (!inputs) return null;
    const start = this.#textsRead;
    this.#textsRead += inputs.length;
    return this.#embedAll(inputs, start);
  }

  /** Rows before a text that cannot be embedded are worth their time: so many may have been asked for already. */
  async #embedAll(inputs: readonly EmbedInput[], start: number): Promise<Embedded<O>> {
    try {
      return { start, matrix: await this.#embedWhenLetIn(inputs), failure: null };
    } catch (error) {
      const index = error instanceof EmbedError ? error.details["index"] : undefined;
      if (typeof index !== "number") throw error;
      const failure = inStream(error as EmbedError, start, index);
      if (index === 0) throw failure;
      const before = await this.#embedAll(inputs.slice(0, index), start);
      return { ...before, failure: before.failure ?? failure };
    }
  }

  async #embedWhenLetIn(inputs: readonly EmbedInput[]): Promise<EmbeddingMatrix<O>> {
    const { embed, request, wait, stop } = this.#options;
    const { signal } = stop;
    const advance = this.#progress.part(signal);
    const onProgress = ({ doneTexts, doneTokens }: EmbedProgress): void => advance(doneTexts, doneTokens);
    for (;;) {
      throwIfAborted(signal);
      try {
        const matrix = await embed(inputs, { ...request, signal, onProgress });
        assert(matrix.rows === inputs.length, `${matrix.rows} rows for ${inputs.length} texts`);
        advance(
          matrix.rows,
          matrix.tokenCounts.reduce((sum, tokens) => sum + tokens, 0),
        );
        return matrix;
      } catch (error) {
        advance(0, 0);
        if (!(error instanceof EmbedError) || error.code !== "queue-full") throw error;
        await wait(Math.max(MIN_RETRY_MS, Number(error.details["retryAfterMs"]) || 0), signal);
      }
    }
  }

  /** Waits for the source to close, unless it is in the middle of a read, which may last for ever. */
  async #close(): Promise<void> {
    this.#options.stop.abort();
    const closed = this.#batches.return();
    if (this.#reads === 0) await closed;
    else closed.catch(() => {});
  }
}

/** Adds up the progress of batches that run side by side. */
class ProgressSum {
  readonly #onProgress: ((progress: StreamProgress) => void) | undefined;
  #doneTexts = 0;
  #doneTokens = 0;
  #shown: StreamProgress = { doneTexts: 0, doneTokens: 0 };

  constructor(onProgress: ((progress: StreamProgress) => void) | undefined) {
    this.#onProgress = onProgress;
  }

  /** For one batch: takes what is done of it by now, which may also be less than before. */
  part(signal: AbortSignal): (texts: number, tokens: number) => void {
    const before = { texts: 0, tokens: 0 };
    return (texts, tokens) => {
      this.#doneTexts += texts - before.texts;
      this.#doneTokens += tokens - before.tokens;
      Object.assign(before, { texts, tokens });
      if (!signal.aborted) this.#show();
    };
  }

  /** A batch that is run again must not make a progress bar go back. */
  #show(): void {
    const doneTexts = Math.max(this.#shown.doneTexts, this.#doneTexts);
    const doneTokens = Math.max(this.#shown.doneTokens, this.#doneTokens);
    if (doneTexts === this.#shown.doneTexts && doneTokens === this.#shown.doneTokens) return;
    this.#shown = { doneTexts, doneTokens };
    this.#onProgress?.(this.#shown);
  }
}

/** Cuts the source into batches; what was read before an error comes before it. */
async function* readBatches(
  source: Source,
  batchTexts: number,
  stopped: AbortSignal,
): AsyncGenerator<EmbedInput[], void> {
  let batch: EmbedInput[] = [];
  let characters = 0;
  let index = 0;
  const take = (): EmbedInput[] => {
    const full = batch;
    batch = [];
    characters = 0;
    return full;
  };
  try {
    for await (const input of source) {
      if (stopped.aborted) return;
      checkInput(input, index++);
      batch.push(input);
      characters += typeof input === "string" ? input.length : input.length * CHARACTERS_PER_TOKEN;
      if (batch.length === batchTexts || characters >= BATCH_CHARACTERS) yield take();
    }
  } catch (error) {
    if (batch.length > 0) yield take();
    throw error;
  }
  if (batch.length > 0) yield take();
}

function rowAt<O extends OutputType>({ start, matrix }: Embedded<O>, row: number): EmbeddedRow<O> {
  return {
    index: start + row,
    vector: rowOf(matrix, row).slice() as OutputArrays[O],
    scale: matrix.scales?.[row] ?? null,
    tokenCount: matrix.tokenCounts[row]!,
    truncated: matrix.truncated[row] === 1,
    faulty: matrix.faulty.includes(row),
    space: matrix.space,
  };
}

/** The same error for a caller who knows nothing of batches. */
function inStream(error: EmbedError, start: number, index: number): EmbedError {
  if (start === 0) return error;
  const message = `in the batch that begins with text ${start} of the stream: ${error.message}`;
  const details = { ...error.details, index: start + index };
  return new EmbedError(error.code, message, { details, cause: error });
}

/** A text is iterable too, by its characters. */
function checkSource(source: Source): void {
  const fits = typeof source === "object" && source !== null;
  if (fits && (Symbol.asyncIterator in source || Symbol.iterator in source)) return;
  const type = source === null ? "null" : typeof source;
  throw new EmbedError("invalid-input", `the source is no iterable of texts: ${type}`, { details: { type } });
}

/** Numbers must not get into a batch, where they would be taken for the token ids of one text. */
function checkInput(input: unknown, index: number): void {
  if (typeof input === "string" || Array.isArray(input)) return;
  const type = input === null ? "null" : typeof input;
  const message = `input ${index} is not a text or an array of token ids: ${type}`;
  throw new EmbedError("invalid-input", message, { details: { index, type } });
}

/** `null` as soon as the signal fires. Not `Promise.race`, which would hold on to every promise until then. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(null);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
