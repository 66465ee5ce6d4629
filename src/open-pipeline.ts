/** @file Loading: pack → device → a pipeline that has given its known answers. */
import type { DownloadProgress } from "./delivery.ts";
import { EmbedError } from "./errors.ts";
import { chooseExecution, openEngine, type Engine, type EngineOptions, type ExecutionChoice } from "./gpu/engine.ts";
import { readFinalNorm } from "./gpu/weights.ts";
import { openModel } from "./model/open-model.ts";
import { embeddingSpace } from "./model/space.ts";
import { openPlanner } from "./open-planner.ts";
import { EmbedPipeline, type PipelineParts } from "./pipeline.ts";
import { failedCheck, selfCheck, selfCheckKey, selfCheckScope, type EmbedIds } from "./self-check.ts";
import { createTokenizer, type TextTokenizer } from "./tokenize/tokenizer.ts";
import type { Activations, PackManifest, PackReader, ReadOptions } from "./pack.ts";
import type {
  CallHooks,
  LoadHooks,
  LoadPhase,
  LoadProgress,
  LoadRequest,
  LoadTimings,
  SelfCheckResult,
} from "./types.ts";

/**
 * Loads a pack onto the best device that gives its known answers.
 *
 * @throws {EmbedError} `model-not-found`, `model-fetch-failed`, `model-corrupt`, `webgpu-unavailable`, `out-of-memory`,
 * `aborted`; `numeric-fault` with details `{ selfCheck, retry }` when this execution's answers are wrong, or it gives
 * none: with `retry` a fresh worker may try the next safer one (ONNX Runtime keeps process-wide state).
 */
export async function openPipeline(request: LoadRequest, hooks: LoadHooks): Promise<EmbedPipeline> {
  // A part that fails to load ends the reading of the others.
  const controller = new AbortController();
  const signal = hooks.signal ? AbortSignal.any([hooks.signal, controller.signal]) : controller.signal;
  try {
    return await load(request, { ...hooks, signal });
  } catch (error) {
    controller.abort(error);
    throw error;
  }
}

async function load(request: LoadRequest, hooks: LoadHooks & { readonly signal: AbortSignal }): Promise<EmbedPipeline> {
  const { signal } = hooks;
  const clock = new Clock();
  hooks.onProgress?.({ phase: "device", loadedBytes: 0, totalBytes: 0, download: null });
  const failedChecks = request.failedChecks ?? [];
  const { device = "auto", activations = "f32", afterCrash = false } = request;
  const wish = { device, activations, afterCrash };
  // Before anything large is fetched: a device that is missing must not cost a download.
  const [choice, model] = await Promise.all([
    clock.time("deviceMs", () => chooseExecution(wish, navigator.gpu, failedChecks)),
    clock.time("manifestMs", () => openModel(request, { signal, fetch: hooks.fetch })),
  ]);
  const { pack, storage } = await clock.time("downloadMs", () =>
    model.open({ signal, onProgress: reportDownload(hooks) }),
  );
  const selfChecks: SelfCheckResult[] = [...failedChecks];
  const report = reportBytes(pack.manifest, choice, hooks);
  try {
    const { planner, budgetKey } = openPlanner(request, choice, pack.manifest);
    const onBytes = (bytes: number): void => report("weights", bytes);
    const { onRun } = hooks;
    const options = { signal, onBytes, residentLayers: planner.residentAtStart(), ...(onRun && { onRun }) };
    const parts = await loadParts({ pack, choice, clock }, options);
    const { weights } = parts.engine;
    if (weights.refused) planner.layerRefused(weights.residentLayers);
    report("self-check", 0);
    const pipeline = new EmbedPipeline({
      ...parts,
      manifest: pack.manifest,
      planner,
      budgetKey,
      queue: request.queue,
      loaded: { selfChecks, load: clock.timings, storage },
    });
    const check = { pipeline, pack, choice, request, ...parts };
    selfChecks.push(await clock.time("selfCheckMs", () => checkPipeline(check, signal)));
    clock.stop();
    return pipeline;
  } catch (error) {
    throw orSafer(error, { ...choice, afterCrash });
  }
}

/** @throws {EmbedError} `numeric-fault`, `model-corrupt`; the pipeline is disposed of then. */
async function checkPipeline(
  what: {
    readonly pipeline: EmbedPipeline;
    readonly pack: PackReader;
    readonly choice: ExecutionChoice;
    readonly request: LoadRequest;
    readonly engine: Engine;
    readonly tokenizer: TextTokenizer | null;
  },
  signal: AbortSignal,
): Promise<SelfCheckResult> {
  const { pipeline, pack, choice, request, engine, tokenizer } = what;
  try {
    await checkTokenizer(pack.manifest, tokenizer);
    const embedIds: EmbedIds = (batch, chunkTokens) => pipeline.embedIds(batch, { chunkTokens, signal });
    const runtime = { version: engine.runtimeVersion, userAgent: navigator.userAgent };
    const key = await selfCheckKey(pack.manifest, engine.device, runtime);
    const passedAt = request.selfCheck === "full" ? undefined : request.rememberedChecks?.[key];
    const scope = selfCheckScope(passedAt, Date.now());
    const result = await selfCheck(pack.manifest.golden, embedIds, { execution: choice.execution, scope, key });
    if (!result.passed) throw wrongAnswers(result, choice);
    return result;
  } catch (error) {
    pipeline.dispose();
    throw error;
  }
}

/**
 * What the GPU refuses is the next execution's chance; what the pack or the network lacks is not. A device that is
 * refused after a crash says nothing about the execution: it may be a moment away.
 *
 * @returns What the load is to throw: the error, or `numeric-fault` with `{ selfCheck, retry: true }`.
 */
export function orSafer(error: unknown, how: ExecutionChoice & { readonly afterCrash: boolean }): unknown {
  const { execution, saferLeft, afterCrash } = how;
  if (!(error instanceof EmbedError) || !saferLeft) return error;
  const isRefused = error.code === "webgpu-unavailable" && !afterCrash;
  if (!isRefused && error.code !== "device-lost") return error;
  const { reason } = error.details;
  const details = {
    selfCheck: failedCheck(execution, error.message),
    retry: true,
    // Of a loss it says whether the GPU crashed.
    ...(error.code === "device-lost" && reason !== undefined && { reason }),
  };
  return new EmbedError("numeric-fault", error.message, { details, cause: error });
}

async function loadParts(
  what: { readonly pack: PackReader; readonly choice: ExecutionChoice; readonly clock: Clock },
  options: EngineOptions,
): Promise<Pick<PipelineParts, "engine" | "tokenizer" | "gain" | "space">> {
  const { pack, choice, clock } = what;
  const opening = openEngine(pack, choice, options);
  try {
    const [engine, tokenizer, gain, space] = await Promise.all([
      opening,
      clock.time("tokenizerMs", () => loadTokenizer(pack, options)),
      readFinalNorm(pack, options),
      embeddingSpace(pack.manifest),
    ]);
    clock.add(engine.timings);
    return { engine, tokenizer, gain, space };
  } catch (error) {
    // The engine may still be opening: give back what it holds whenever it is there.
    opening.then(
      (engine) => engine.release(),
      () => undefined,
    );
    throw error;
  }
}

async function loadTokenizer(pack: PackReader, options: ReadOptions): Promise<TextTokenizer | null> {
  const { tokenizer, endTokenId, padTokenId, maxTokens, prompts } = pack.manifest;
  if (!tokenizer) return null;
  const readText = async (name: string) => new TextDecoder().decode(await pack.readFile(name, options));
  const [model, config] = await Promise.all([readText(tokenizer.model), readText(tokenizer.config)]);
  return createTokenizer({ model, config, endTokenId, padTokenId, maxTokens, prompts });
}

/** The known answers' texts must give their ids, or every vector would be that of another text. */
async function checkTokenizer({ golden }: PackManifest, tokenizer: TextTokenizer | null): Promise<void> {
  for (const { text, role, inputIds } of golden) {
    if (text === undefined || !tokenizer) continue;
    const actual = [...(await tokenizer.encode(text, { role })).inputIds];
    if (actual.join() === inputIds.join()) continue;
    const message = `the tokenizer reads the pack's known text ${JSON.stringify(text.slice(0, 80))} as other ids`;
    throw new EmbedError("model-corrupt", message, { details: { text, actual, expected: inputIds } });
  }
}

function wrongAnswers(selfCheck: SelfCheckResult, { saferLeft: retry }: ExecutionChoice): EmbedError {
  const { execution, maxAbsDiff, tolerance } = selfCheck;
  const where = `${execution.kind} ${execution.activations}${execution.subgroups ? " with subgroups" : ""}`;
  const message = `${where} gives wrong vectors: off by ${maxAbsDiff} from the pack's known answers, limit ${tolerance}`;
  return new EmbedError("numeric-fault", message, { details: { selfCheck, retry } });
}

/** The store's progress as one of the load. */
function reportDownload({ onProgress }: LoadHooks): (download: DownloadProgress) => void {
  return (download) => {
    if (download.phase === "manifest") return;
    const { phase, loadedBytes, totalBytes } = download;
    onProgress?.({ phase, loadedBytes, totalBytes, download });
  };
}

/** Turns bytes as they are read into progress of the whole load. */
function reportBytes(
  manifest: PackManifest,
  { execution }: ExecutionChoice,
  hooks: CallHooks<LoadProgress>,
): (phase: LoadPhase, bytes: number) => void {
  const totalBytes = bytesToRead(manifest, execution.activations);
  let loadedBytes = 0;
  return (phase, bytes) => {
    loadedBytes += bytes;
    hooks.onProgress?.({ phase, loadedBytes, totalBytes, download: null });
    // The graph's session is all that is left to wait for when every byte is here.
    if (phase === "weights" && loadedBytes === totalBytes) {
      hooks.onProgress?.({ phase: "session", loadedBytes, totalBytes, download: null });
    }
  };
}

/** Of the files that a load reads, each once: a pack may have others, and one graph for both kinds of activations. */
export function bytesToRead(manifest: PackManifest, activations: Activations): number {
  const { graphs, tensors, tokenTable, tokenizer, files } = manifest;
  const read = new Set([
    ...Object.values(graphs[activations]),
    ...tensors.map(({ file }) => file),
    ...tokenTable.files,
  ]);
  if (tokenizer) read.add(tokenizer.model).add(tokenizer.config);
  return files.reduce((sum, { name, bytes }) => sum + (read.has(name) ? bytes : 0), 0);
}

/** Milliseconds by phase; phases overlap, so they add up to more than the total. */
class Clock {
  readonly #started = performance.now();
  readonly timings: { -readonly [Phase in keyof LoadTimings]: number } = {
    manifestMs: 0,
    downloadMs: 0,
    deviceMs: 0,
    runtimeMs: 0,
    sessionMs: 0,
    weightsMs: 0,
    tokenizerMs: 0,
    selfCheckMs: 0,
    totalMs: 0,
  };

  async time<T>(phase: keyof LoadTimings, task: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await task();
    } finally {
      this.timings[phase] += performance.now() - started;
    }
  }

  add(timings: Partial<LoadTimings>): void {
    for (const phase of Object.keys(timings) as (keyof LoadTimings)[]) this.timings[phase] += timings[phase] ?? 0;
  }

  stop(): void {
    this.timings.totalMs = performance.now() - this.#started;
  }
}
