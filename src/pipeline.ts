/** @file The dataflow: text → ids → passes → last-token rows → vectors. Composes the stages, which do not know each other. */
import type { PassContext } from "./batch/scheduler.ts";
import { Scheduler } from "./batch/scheduler.ts";
import type { Planner } from "./batch/planner.ts";
import { PriorityMutex } from "./batch/queue.ts";
import { EmbedError } from "./errors.ts";
import type { Engine } from "./gpu/engine.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import { PipelineMetrics } from "./pipeline-metrics.ts";
import { assertDimensions } from "./pool/matryoshka.ts";
import { hasDirection, poolRows } from "./pool/pool-rows.ts";
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
  FaultyRows,
  LoadRequest,
  OutputType,
  PaddedBatch,
  Pass,
  Pipeline,
  SentEmbedRequest,
  Sequence,
  TokenizeOptions,
  VramStatus,
  WarmUpRequest,
  WarmUpResult,
} from "./types.ts";
import { warmUp } from "./warm-up.ts";

/** What a loaded model consists of. */
export interface PipelineParts {
  readonly manifest: PackManifest;
  readonly engine: Engine;
  readonly planner: Planner;
  /** Name of the planner's budget for `VramStatus`. */
  readonly budgetKey: string;
  readonly queue: LoadRequest["queue"];
  /** `null` for a model that takes ids only. */
  readonly tokenizer: TextTokenizer | null;
  /** Gain of the final norm; `[H]`. */
  readonly gain: Float32Array;
  /** Embedding-space id, without the dimensions. */
  readonly space: string;
  /** How the load went. */
  readonly loaded: Pick<EmbedderStatus, "selfChecks" | "load" | "storage">;
}

/** Most tokens in a run of rows that f16 could not do: few, and in a stack whose layers are all streamed. */
const MEND_CHUNK_TOKENS = 256;

/** After these no row is worth mending. */
const ENDS_THE_PASS: ReadonlySet<string> = new Set(["aborted", "device-lost", "worker-crashed", "disposed"]);

/** Runs requests: those of one priority share passes, those of different priorities interleave run by run. */
export class EmbedPipeline implements Pipeline {
  readonly failed: Promise<EmbedError>;
  readonly #parts: PipelineParts;
  readonly #metrics: PipelineMetrics;
  readonly #scheduler: Scheduler;
  /** One run at a time, whoever's it is: two at once freeze ONNX Runtime. */
  readonly #runs = new PriorityMutex();
  #state: EmbedderStatus["state"] = "ready";
  /** While the device is being checked, a row that f16 cannot do is a fault of the device. */
  #checking = false;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    const { engine, planner, queue } = parts;
    this.#metrics = new PipelineMetrics(parts);
    this.#scheduler = new Scheduler({
      planner,
      runPass: (pass, context) => this.#runPass(pass, context),
      weights: engine.weights,
      ready: () => engine.ready(),
      runs: this.#runs,
      ...(queue && { limits: queue }),
      onPass: (pass) => this.#metrics.passed(pass),
      onWait: (priority, ms) => this.#metrics.waited(priority, ms),
      onIdle: () => this.#rest(),
    });
    this.failed = engine.failed;
    void this.failed.then((error) => {
      // Disposing destroys the device too.
      if (this.#state === "ready") this.#state = "failed";
      this.#scheduler.rejectAll(error);
    });
  }

  get status(): EmbedderStatus {
    const { manifest, engine, tokenizer, loaded } = this.#parts;
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
      vram: this.#vram(),
      queue: this.#scheduler.depth,
      recovery: { recoveries: 0, lastLoss: null, retryAfterMs: null },
    };
  }

  async embed(
    inputs: readonly EmbedInput[],
    request: SentEmbedRequest,
    hooks: CallHooks<EmbedProgress>,
  ): Promise<EmbeddingMatrix<OutputType>> {
    const started = performance.now();
    const range = this.#parts.manifest.dimensions;
    const { dimensions = range.max, output = "float32", priority = "normal", readmitted = false } = request;
    assertDimensions(dimensions, range);
    const sequences = await this.#sequences(inputs, request, hooks.signal);
    const tokenized = performance.now();
    const { rows, queueMs, runMs } = await this.#scheduler.submit(
      sequences.map(({ inputIds }) => inputIds),
      { priority, readmitted, signal: hooks.signal, onProgress: progressOf(sequences, hooks) },
    );
    const ran = performance.now();
    const { vectors, faulty } = this.#pool(rows, dimensions, request.faultyRows);
    const arrays = toOutput(vectors, dimensions, output);
    const ended = performance.now();
    return {
      output,
      ...arrays,
      rows: inputs.length,
      dimensions,
      tokenCounts: Int32Array.from(sequences, ({ inputIds }) => inputIds.length),
      truncated: Uint8Array.from(sequences, ({ truncated }) => Number(truncated)),
      faulty,
      space: `${this.#parts.space}-${dimensions}`,
      timings: {
        tokenizeMs: tokenized - started,
        queueMs,
        runMs,
        poolMs: ended - ran,
        totalMs: ended - started,
      },
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

  async warmUp(request: WarmUpRequest, hooks: CallHooks<EmbedProgress> = {}): Promise<WarmUpResult> {
    const { engine, planner } = this.#parts;
    const result = await warmUp({ engine, planner, runs: this.#runs }, request, hooks);
    this.#metrics.warmedUp(result.totalMs);
    return result;
  }

  metrics(): MetricsSnapshot {
    return this.#metrics.snapshot(this.#scheduler.depth, this.#vram());
  }

  /**
   * Unit vectors of full dimensions, for the self-check: ids to vectors as any request goes, but that no row is mended.
   *
   * @param options - `chunkTokens`: most tokens in one run, if fewer than the plan's.
   */
  async embedIds(
    batch: readonly Int32Array[],
    options: { readonly chunkTokens?: number | undefined; readonly signal?: AbortSignal } = {},
  ): Promise<Float32Array[]> {
    this.#checking = true;
    try {
      const { rows } = await this.#scheduler.submit(batch, { priority: "normal", ...options });
      const { max } = this.#parts.manifest.dimensions;
      const { vectors } = this.#pool(rows, max, "reject");
      return batch.map((_, i) => vectors.subarray(i * max, (i + 1) * max));
    } finally {
      this.#checking = false;
    }
  }

  dispose(): void {
    this.#state = "disposed";
    this.#parts.engine.release();
  }

  #vram(): VramStatus {
    const { engine, planner, budgetKey } = this.#parts;
    const { liveBytes, peakBytes, live, peak } = engine.gauge;
    const gpu = engine.device.kind === "webgpu";
    const { residentLayers, layers } = engine.weights;
    return {
      budgetBytes: gpu ? planner.budget.bytes : null,
      budgetSource: gpu ? planner.budget.source : null,
      budgetKey,
      predictedBytes: gpu ? planner.predictedBytes : 0,
      liveBytes,
      peakBytes,
      live,
      peak,
      residentLayers,
      streamedLayers: layers - residentLayers,
    };
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

  #pool(rows: readonly Float32Array[], dimensions: number, faultyRows: FaultyRows = "reject") {
    const { gain, manifest } = this.#parts;
    this.#metrics.faulty(rows.filter((row) => !hasDirection(row)).length);
    return poolRows(rows, { gain, eps: manifest.architecture.rms_norm_eps, dimensions, faultyRows });
  }

  async #runPass(pass: Pass, context: PassContext): Promise<ReadonlyMap<number, Float32Array>> {
    try {
      const rows = await this.#parts.engine.stack.runPass(pass, {
        ...context,
        onRun: (run) => {
          context.onRun(run);
          this.#metrics.ran(run.ms);
        },
      });
      await this.#mend(rows, context);
      return rows;
    } catch (error) {
      if (error instanceof EmbedError && error.code === "out-of-memory") this.#metrics.ranOutOfMemory();
      throw error;
    }
  }

  /**
   * Runs rows that have no direction again in f32, where the layers run in f16. Whatever goes wrong with that leaves
   * them without a direction: it is no business of the pass's other rows.
   */
  async #mend(rows: Map<number, Float32Array>, context: PassContext): Promise<void> {
    let bad = [...rows].filter(([, row]) => !hasDirection(row)).map(([sequence]) => sequence);
    if (bad.length === 0 || this.#checking) return;
    const { exclusive, signal, priority } = context;
    const { engine, planner } = this.#parts;
    try {
      const stack = await engine.safer(exclusive, signal);
      planner.reservedBytes = engine.saferBytes;
      while (stack !== null && bad.length > 0) {
        const inputs = bad.map((sequence) => context.inputIds(sequence));
        const lengths = inputs.map(({ length }) => length);
        // Planned for f16: in half as many tokens f32 takes no more.
        const { passes } = planner.plan(lengths, priority, { chunkTokens: MEND_CHUNK_TOKENS });
        if (passes[0] === undefined) return;
        const mended = await stack.runPass(passes[0], { inputIds: (i) => inputs[i]!, exclusive, signal });
        for (const [i, row] of mended) rows.set(bad[i]!, row);
        this.#metrics.reran(mended.size);
        bad = bad.filter((_, i) => !mended.has(i));
      }
    } catch (error) {
      if (error instanceof EmbedError && !ENDS_THE_PASS.has(error.code)) return;
      throw error;
    }
  }

  /** Nothing waits: gives back what was kept for the next pass. */
  #rest(): void {
    const { engine, planner } = this.#parts;
    engine.trim();
    engine.releaseSafer();
    planner.reservedBytes = 0;
  }
}

function progressOf(
  sequences: readonly Sequence[],
  { onProgress }: CallHooks<EmbedProgress>,
): ((doneTexts: number, doneTokens: number) => void) | undefined {
  const totalTexts = sequences.length;
  const totalTokens = sequences.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
  return onProgress && ((doneTexts, doneTokens) => onProgress({ doneTexts, totalTexts, doneTokens, totalTokens }));
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
