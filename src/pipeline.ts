/** @file The dataflow: text → ids → passes → last-token rows → vectors. Composes the stages, which do not know each other. */
import { planPasses } from "./batch/plan.ts";
import { PRIORITIES, PriorityMutex } from "./batch/queue.ts";
import { EmbedError } from "./errors.ts";
import type { Engine } from "./gpu/engine.ts";
import { nextTask } from "./next-task.ts";
import { finalNorm } from "./pool/final-norm.ts";
import { assertDimensions, truncate } from "./pool/matryoshka.ts";
import { normalize } from "./pool/normalize.ts";
import { quantizeBinary, quantizeInt8 } from "./pool/quantize.ts";
import { leftPad } from "./tokenize/left-pad.ts";
import { sequenceFromIds } from "./tokenize/sequence.ts";
import type { TextTokenizer } from "./tokenize/tokenizer.ts";
import type { PackManifest } from "./pack.ts";
import type {
  CallHooks,
  EmbedderStatus,
  EmbeddingMatrix,
  EmbedInput,
  EmbedProgress,
  EmbedRequest,
  OutputType,
  PaddedBatch,
  Pipeline,
  Priority,
  Sequence,
  TokenizeOptions,
} from "./types.ts";

/** What a loaded model consists of. */
export interface PipelineParts {
  readonly manifest: PackManifest;
  readonly engine: Engine;
  /** `null` for a model that takes ids only. */
  readonly tokenizer: TextTokenizer | null;
  /** Gain of the final norm; `[H]`. */
  readonly gain: Float32Array;
  /** Embedding-space id, without the dimensions. */
  readonly space: string;
  /** How the load went. */
  readonly loaded: Pick<EmbedderStatus, "selfChecks" | "load">;
  /** Most tokens in one run. */
  readonly chunkTokens: number;
}

/** Milliseconds of a request by what it did. */
interface Spent {
  queueMs: number;
  runMs: number;
}

/** Runs requests: those of one priority in turn, those of different priorities interleaved run by run. */
export class EmbedPipeline implements Pipeline {
  readonly failed: Promise<EmbedError>;
  readonly #parts: PipelineParts;
  #state: EmbedderStatus["state"] = "ready";
  /** One run at a time, whoever's it is: two at once freeze ONNX Runtime. */
  readonly #runs = new PriorityMutex();
  /** One pass at a time in each class, so that at most one pass a class holds memory. */
  readonly #lanes = new Map(PRIORITIES.map((priority) => [priority, new PriorityMutex()]));

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.failed = parts.engine.failed;
    void this.failed.then(() => {
      // Disposing destroys the device too.
      if (this.#state === "ready") this.#state = "failed";
    });
  }

  get status(): EmbedderStatus {
    const { manifest, engine, tokenizer, loaded } = this.#parts;
    const { liveBytes, peakBytes } = engine.gauge;
    return {
      state: this.#state,
      model: {
        name: manifest.name,
        revision: manifest.source.revision,
        bits: manifest.quantization.bits,
        layers: manifest.architecture.num_hidden_layers,
        hiddenSize: manifest.architecture.hidden_size,
        maxTokens: manifest.maxTokens,
        minDimensions: manifest.dimensions.min,
        hasTokenizer: tokenizer !== null,
      },
      device: engine.device,
      ...loaded,
      vram: { liveBytes, peakBytes },
    };
  }

  async embed(
    inputs: readonly EmbedInput[],
    request: EmbedRequest,
    hooks: CallHooks<EmbedProgress>,
  ): Promise<EmbeddingMatrix<OutputType>> {
    const started = performance.now();
    const range = this.#parts.manifest.dimensions;
    const { dimensions = range.max, output = "float32", priority = "normal" } = request;
    assertDimensions(dimensions, range);
    const sequences = await this.#sequences(inputs, request, hooks.signal);
    const tokenized = performance.now();
    const spent: Spent = { queueMs: 0, runMs: 0 };
    const rows = await this.#lastTokenRows(sequences, { priority, hooks, spent });
    const ran = performance.now();
    const vectors = this.#pool(rows, dimensions);
    const arrays = toOutput(vectors, dimensions, output);
    const ended = performance.now();
    return {
      output,
      ...arrays,
      rows: inputs.length,
      dimensions,
      tokenCounts: Int32Array.from(sequences, ({ inputIds }) => inputIds.length),
      truncated: Uint8Array.from(sequences, ({ truncated }) => Number(truncated)),
      space: `${this.#parts.space}-${dimensions}`,
      timings: { tokenizeMs: tokenized - started, ...spent, poolMs: ended - ran, totalMs: ended - started },
    };
  }

  async tokenize(
    texts: readonly string[],
    options: TokenizeOptions,
    hooks: CallHooks<never> = {},
  ): Promise<PaddedBatch> {
    return leftPad(await this.#sequences(texts, options, hooks.signal), this.#parts.manifest.padTokenId);
  }

  async countTokens(text: string, options: TokenizeOptions, hooks: CallHooks<never> = {}): Promise<number> {
    return this.#tokenizer().countTokens(text, options, hooks.signal);
  }

  /** Unit vectors of full dimensions, for the self-check: ids to vectors as any request goes. */
  async embedIds(
    batch: readonly Int32Array[],
    options: { readonly chunkTokens?: number | undefined; readonly signal?: AbortSignal } = {},
  ): Promise<Float32Array[]> {
    const sequences = batch.map((inputIds) => ({ inputIds, truncated: false }));
    const { signal, chunkTokens } = options;
    const hooks = signal ? { signal } : {};
    const spent: Spent = { queueMs: 0, runMs: 0 };
    const rows = await this.#lastTokenRows(sequences, { priority: "normal", hooks, spent, chunkTokens });
    const { max } = this.#parts.manifest.dimensions;
    const vectors = this.#pool(rows, max);
    return batch.map((_, i) => vectors.subarray(i * max, (i + 1) * max));
  }

  dispose(): void {
    this.#state = "disposed";
    this.#parts.engine.release();
  }

  #tokenizer(): TextTokenizer {
    const { tokenizer, manifest } = this.#parts;
    if (tokenizer) return tokenizer;
    throw new EmbedError("invalid-input", `model ${manifest.name} has no tokenizer and takes token ids only`);
  }

  async #sequences(
    inputs: readonly EmbedInput[],
    options: TokenizeOptions,
    signal: AbortSignal | undefined,
  ): Promise<Sequence[]> {
    const { endTokenId, maxTokens, architecture } = this.#parts.manifest;
    const { overflow = "error" } = options;
    const sequences: Sequence[] = [];
    for (const [index, input] of inputs.entries()) {
      sequences.push(
        typeof input === "string"
          ? await this.#tokenizer().encode(input, { ...options, index }, signal)
          : sequenceFromIds(input, { endTokenId, maxTokens, overflow, index, vocabSize: architecture.vocab_size }),
      );
    }
    return sequences;
  }

  /**
   * @param rows - Last-token hidden states; `[H]` each.
   * @returns Unit vectors; `[rows.length, dimensions]`.
   */
  #pool(rows: readonly Float32Array[], dimensions: number): Float32Array {
    const { gain, manifest } = this.#parts;
    const width = gain.length;
    const hidden = new Float32Array(rows.length * width);
    rows.forEach((row, i) => hidden.set(row, i * width));
    const normed = finalNorm(hidden, gain, manifest.architecture.rms_norm_eps);
    return normalize(truncate(normed, width, dimensions), dimensions);
  }

  /** Hidden states of each sequence's last token; `[H]` each, in input order. */
  async #lastTokenRows(
    sequences: readonly Sequence[],
    how: {
      readonly priority: Priority;
      readonly hooks: CallHooks<EmbedProgress>;
      readonly spent: Spent;
      readonly chunkTokens?: number | undefined;
    },
  ): Promise<Float32Array[]> {
    const { priority, hooks, spent, chunkTokens = this.#parts.chunkTokens } = how;
    const { signal } = hooks;
    const lengths = sequences.map(({ inputIds }) => inputIds.length);
    const rows: Float32Array[] = [];
    const layers = this.#parts.manifest.architecture.num_hidden_layers;
    const done = { doneTexts: 0, totalTexts: lengths.length, doneTokens: 0, totalTokens: sum(lengths) };
    const report = (): void => hooks.onProgress?.({ ...done, doneTokens: Math.round(done.doneTokens) });
    for (const pass of planPasses(lengths, { chunkTokens })) {
      const asked = performance.now();
      const runPass = async (): Promise<void> => {
        const begun = performance.now();
        spent.queueMs += begun - asked;
        const results = await this.#parts.engine.stack.runPass(pass, {
          inputIds: (sequence) => sequences[sequence]!.inputIds,
          exclusive: async (run) => {
            const waiting = performance.now();
            // On WASM a run blocks the thread: only here does a query or a cancellation reach the worker.
            await nextTask();
            const inTurn = (): ReturnType<typeof run> => {
              const waitedMs = performance.now() - waiting;
              spent.queueMs += waitedMs;
              spent.runMs -= waitedMs;
              return run();
            };
            return this.#runs.run(priority, inTurn, { signal });
          },
          onRun: (tokens) => {
            done.doneTokens += tokens / layers;
            report();
          },
          signal,
        });
        for (const [sequence, row] of results) rows[sequence] = row;
        done.doneTexts += results.size;
        spent.runMs += performance.now() - begun;
      };
      await this.#lanes.get(priority)!.run(priority, runPass, { signal });
      report();
    }
    return rows;
  }
}

function toOutput(
  vectors: Float32Array,
  dimensions: number,
  output: OutputType,
): Pick<EmbeddingMatrix<OutputType>, "data" | "scales"> {
  if (output === "binary") return { data: quantizeBinary(vectors, dimensions), scales: null };
  if (output === "float32") return { data: vectors, scales: null };
  const { codes, scales } = quantizeInt8(vectors, dimensions);
  return { data: codes, scales };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
