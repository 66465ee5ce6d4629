/** @file Whether a model would run on this machine, by the planner's own rules and before anything of it is downloaded. */
import { openBudget, startBudget, VramBudget, WASM_HEAP_BYTES } from "./batch/budget.ts";
import { CostModel, runFlops } from "./batch/cost.ts";
import { RunPace, type PaceKind } from "./batch/pace.ts";
import { DEFAULT_CHUNK_TOKENS, MAX_RUN_MS } from "./batch/plan.ts";
import { Planner } from "./batch/planner.ts";
import type { StorageEstimate } from "./delivery.ts";
import { adapterFacts, candidates, findAdapter, type GpuEntry } from "./gpu/device.ts";
import { placedBytes } from "./gpu/layer-files.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import { layerTensorSpecs, TENSOR_ALIGNMENT, tokenRowBytes, type LayerTensorSpec } from "./model/manifest.ts";
import type { Activations, Architecture, WeightBits } from "./pack.ts";
import type { AdapterFacts, Chunk, DeviceChoice, Execution } from "./types.ts";

/** A pack's known answers reach up to here: the least that any budget is raised to. */
const SELF_CHECK_TOKENS = 200;

/** A query with its instruction has some 25 tokens: on a slower machine it takes more than a second. */
const SLOW_TOKENS_PER_SECOND = 25;

/** Fewer tokens are mostly compiling and first touches. */
const MEASURED_FROM_TOKENS = 500;

/** Two graphs of 4 KB, and Qwen3's tokenizer without its white space. */
const SMALL_FILES_BYTES = 2 * 4_000 + 4_768_000;

const GIB = 2 ** 30;

/** What the page can find out about the machine without opening anything. */
export interface DeviceFacts {
  /** `null` where the browser offers none. */
  readonly adapter: AdapterFacts | null;
  /** Why there is no adapter; empty where there is one. */
  readonly missing: string;
  /** Most bytes of a buffer that a kernel can see, 0 without an adapter. */
  readonly maxBindingBytes: number;
  /** `navigator.deviceMemory`: memory of the computer in GiB, 8 for all that is above; `null` where it is not told. */
  readonly deviceMemoryGiB: number | null;
}

/** What a model's needs follow from; a `PackOffer` is one. */
export interface ModelFacts {
  readonly architecture: Architecture;
  /** Of the layers' weights. */
  readonly bits: WeightBits;
  /** Still to be stored before it can run. */
  readonly missingBytes: number;
}

/** FLOP/s of this machine. */
export interface MeasuredSpeed {
  readonly kind: Execution["kind"];
  readonly flopsPerSecond: number;
}

export interface MachineFacts {
  readonly device: DeviceFacts;
  /** `null` where nothing can be stored. */
  readonly storage: StorageEstimate | null;
  /** As given to `createEmbedder`. @default from the adapter */
  readonly vramBudgetBytes?: number | undefined;
  /** What `measuredSpeed` said. @default null */
  readonly measured?: MeasuredSpeed | null;
}

export interface AssessOptions {
  /** Tokens of the longest text; what is above the model's own limit is not counted. */
  readonly contextTokens: number;
  /** As given to `createEmbedder`. @default "auto" */
  readonly device?: DeviceChoice | undefined;
  /** As given to `createEmbedder`. @default "f32" */
  readonly activations?: Activations | undefined;
}

/**
 * `runs`: with all layers in memory. `streams`: some layers are uploaded anew for each pass. `slow`: a query would take
 * more than a second. `cannot`: not at all.
 */
export type Verdict = "runs" | "streams" | "slow" | "cannot";

/** A fact that speaks for the verdict, or against the device. */
export type AssessmentReason =
  | { readonly code: "webgpu-missing"; readonly why: string; readonly required: boolean }
  | { readonly code: "software-adapter" }
  | { readonly code: "f16-missing" }
  | { readonly code: "layers-streamed"; readonly residentLayers: number; readonly streamedLayers: number }
  | { readonly code: "low-speed"; readonly tokensPerSecond: number; readonly measured: boolean }
  | { readonly code: "storage-missing" }
  | { readonly code: "storage-too-small"; readonly neededBytes: number; readonly freeBytes: number }
  | { readonly code: "binding-too-small"; readonly neededBytes: number; readonly limitBytes: number }
  | { readonly code: "memory-too-small"; readonly neededBytes: number; readonly limitBytes: number };

/** What a machine would make of a model. */
export interface Assessment {
  readonly verdict: Verdict;
  readonly on: Execution["kind"];
  /**
   * WebGPU: GPU memory, the `status.vram.predictedBytes` of an embedder that has run one text of so many tokens and
   * remembers no budget. WASM: heap of the largest run. The least that it would take where it does not fit.
   */
  readonly memoryBytes: number;
  /** Weights in JS memory: on WASM all layers, on WebGPU 0. */
  readonly scriptBytes: number;
  readonly residentLayers: number;
  readonly streamedLayers: number;
  /**
   * At texts of `contextTokens`: an estimate, this machine's FLOP/s so far by the model's FLOPs per token. Wide layers
   * keep a GPU busier than narrow ones, and uploads of streamed layers are not counted. `null` before anything was
   * measured.
   */
  readonly tokensPerSecond: number | null;
  readonly reasons: readonly AssessmentReason[];
}

/** Asks the browser for its adapter; nothing is opened. */
export async function describeDevice(gpu: GpuEntry = globalThis.navigator?.gpu): Promise<DeviceFacts> {
  const { adapter, missing } = await findAdapter(gpu);
  return {
    adapter: adapter && adapterFacts(adapter),
    missing,
    maxBindingBytes: adapter?.limits.maxStorageBufferBindingSize ?? 0,
    deviceMemoryGiB: (navigator as { readonly deviceMemory?: number }).deviceMemory ?? null,
  };
}

/**
 * What loading this model here and embedding one text would come to. Pure; some milliseconds.
 *
 * @throws {EmbedError} `invalid-input` for a budget that is not above 0.
 */
export function assessModel(model: ModelFacts, machine: MachineFacts, options: AssessOptions): Assessment {
  const execution = executionFor(machine.device, options);
  const tokens = Math.min(options.contextTokens, model.architecture.max_position_embeddings);
  const speed = speedOf(model.architecture, { machine, execution, tokens });
  const plan = planFor(model, { machine, execution, tokens, pace: speed.pace });
  const { num_hidden_layers: layers } = model.architecture;
  const reasons = [
    ...deviceReasons(machine.device, execution, options),
    ...memoryReasons(model, { machine, execution, plan }),
    ...storageReasons(model, machine),
    ...(plan.refusedBy === null && plan.residentLayers < layers ? [streamed(plan.residentLayers, layers)] : []),
    ...(speed.tokensPerSecond < SLOW_TOKENS_PER_SECOND ? [lowSpeed(speed)] : []),
  ];
  return {
    verdict: verdictOf(reasons),
    on: execution.kind,
    memoryBytes: plan.memoryBytes,
    scriptBytes: plan.scriptBytes,
    residentLayers: plan.residentLayers,
    streamedLayers: layers - plan.residentLayers,
    tokensPerSecond: speed.measured ? speed.tokensPerSecond : null,
    reasons,
  };
}

/**
 * How fast this machine has run layers so far.
 *
 * @param ran - Metrics of an embedder, its model's architecture and the kind of its device.
 * @returns `null` before some hundred tokens were run.
 */
export function measuredSpeed(ran: {
  readonly metrics: MetricsSnapshot;
  readonly architecture: Architecture;
  readonly kind: Execution["kind"];
}): MeasuredSpeed | null {
  const tokens = ran.metrics.strata_tokens_total[0]?.value ?? 0;
  const seconds = ran.metrics.strata_run_duration_seconds[0]?.value.sum ?? 0;
  if (tokens < MEASURED_FROM_TOKENS || seconds <= 0) return null;
  return { kind: ran.kind, flopsPerSecond: (tokens * flopsPerToken(ran.architecture, 1)) / seconds };
}

/**
 * Bytes of a pack that `npm run pack` makes of a model with Qwen3's tokenizer, to a thousandth.
 *
 * @param bits - `layers` 4, 8 or 16; `table` of the token table, 8 by default and 16 with 16-bit layers.
 */
export function estimatePackBytes(
  architecture: Architecture,
  bits: { readonly layers: WeightBits; readonly table?: WeightBits },
): number {
  const { layers, table = layers === 16 ? 16 : 8 } = bits;
  const layerBytes = sum(layerTensorSpecs(architecture, layers).map((spec) => align(storedBytes(spec))));
  const norm = align(2 * architecture.hidden_size);
  const tableBytes = architecture.vocab_size * tokenRowBytes(architecture.hidden_size, table);
  return architecture.num_hidden_layers * layerBytes + tableBytes + norm + SMALL_FILES_BYTES;
}

/** The execution that a load would try first. */
function executionFor(device: DeviceFacts, options: AssessOptions): Execution {
  const { device: choice = "auto", activations = "f32" } = options;
  // Without an adapter there is no such execution; the reasons say so.
  const wish = { device: choice === "webgpu" && !device.adapter ? "auto" : choice, activations } as const;
  return candidates(wish, device)[0]!.execution;
}

interface Speed {
  readonly tokensPerSecond: number;
  readonly measured: boolean;
  readonly pace: RunPace;
}

/** By what was measured on this kind of device, else by the pace that a planner starts from. */
function speedOf(
  architecture: Architecture,
  { machine, execution, tokens }: Pick<Planning, "machine" | "execution" | "tokens">,
): Speed {
  const pace = new RunPace(paceKind(execution, machine.device));
  const flops = flopsPerToken(architecture, tokens);
  const measured = machine.measured?.kind === execution.kind ? machine.measured : null;
  if (!measured) return { tokensPerSecond: 1000 / pace.plannedMs(flops), measured: false, pace };
  // Known from two runs on: the chunks will be of this speed's size soon.
  for (let run = 0; run < 2; run++) pace.observe(measured.flopsPerSecond, 1000);
  return { tokensPerSecond: measured.flopsPerSecond / flops, measured: true, pace };
}

function paceKind({ kind }: Execution, { adapter }: DeviceFacts): PaceKind {
  if (kind === "wasm") return "wasm";
  return adapter?.software ? "software" : "gpu";
}

/** Multiplications and additions of a token through all layers, on average over a text of so many tokens. */
function flopsPerToken(architecture: Architecture, tokens: number): number {
  const text: Chunk = { slices: [{ sequence: 0, start: 0, length: tokens }], tokenCount: tokens, sliced: false };
  return (architecture.num_hidden_layers * runFlops(architecture, text)) / tokens;
}

interface Planning {
  readonly machine: MachineFacts;
  readonly execution: Execution;
  readonly tokens: number;
  readonly pace: RunPace;
}

interface PlannedMemory {
  readonly memoryBytes: number;
  readonly scriptBytes: number;
  readonly residentLayers: number;
  /** What it would have to fit into; `null` where it does. */
  readonly refusedBy: number | null;
}

/** As `openPlanner` and the first text do it. */
function planFor({ architecture, bits }: ModelFacts, planning: Planning): PlannedMemory {
  const { machine, execution, tokens, pace } = planning;
  const { kind, activations } = execution;
  const layerBytes = sum(placedTensors({ architecture, bits }, activations));
  const cost = new CostModel({ architecture, activations, bits, kind, layerBytes });
  const plannerWithin = (budget: VramBudget): Planner =>
    new Planner({ cost, budget, pace, chunkTokens: DEFAULT_CHUNK_TOKENS[kind], maxRunMs: MAX_RUN_MS[kind] });
  const planner = plannerWithin(budgetFor(machine, execution, plannerWithin));
  const [pass] = planner.plan([tokens], "normal").passes;
  if (pass) planner.begin(pass, "normal");
  return {
    memoryBytes: pass ? planner.predictedBytes : planner.neededBytes(tokens),
    scriptBytes: kind === "wasm" ? planner.layers * layerBytes : 0,
    residentLayers: planner.residentLayers,
    refusedBy: pass ? null : planner.budget.bytes,
  };
}

function budgetFor(
  { device, vramBudgetBytes }: MachineFacts,
  { kind }: Execution,
  plannerWithin: (budget: VramBudget) => Planner,
): VramBudget {
  const { adapter, deviceMemoryGiB } = device;
  if (kind === "wasm" || !adapter) {
    return new VramBudget({ bytes: WASM_HEAP_BYTES, ceiling: WASM_HEAP_BYTES }, "adapter");
  }
  const unbounded = plannerWithin(new VramBudget({ bytes: Infinity, ceiling: Infinity }, "adapter"));
  const start = startBudget({ ...adapter, deviceMemoryGiB: deviceMemoryGiB ?? undefined });
  return openBudget({ callerBytes: vramBudgetBytes, start, leastBytes: unbounded.neededBytes(SELF_CHECK_TOKENS) });
}

function deviceReasons(device: DeviceFacts, execution: Execution, options: AssessOptions): AssessmentReason[] {
  const { adapter, missing: why } = device;
  if (execution.kind === "webgpu") {
    return options.activations === "f16" && execution.activations === "f32" ? [{ code: "f16-missing" }] : [];
  }
  if (options.device === "wasm") return [];
  if (!adapter) return [{ code: "webgpu-missing", why, required: options.device === "webgpu" }];
  return [{ code: "software-adapter" }];
}

function memoryReasons(
  model: ModelFacts,
  { machine, execution, plan }: Pick<Planning, "machine" | "execution"> & { readonly plan: PlannedMemory },
): AssessmentReason[] {
  const { maxBindingBytes, deviceMemoryGiB } = machine.device;
  const { memoryBytes, scriptBytes, refusedBy } = plan;
  const reasons: AssessmentReason[] = [];
  if (refusedBy !== null) reasons.push({ code: "memory-too-small", neededBytes: memoryBytes, limitBytes: refusedBy });
  const largest = Math.max(...placedTensors(model, execution.activations));
  if (execution.kind === "webgpu" && largest > maxBindingBytes) {
    reasons.push({ code: "binding-too-small", neededBytes: largest, limitBytes: maxBindingBytes });
  }
  const inComputer = memoryBytes + scriptBytes;
  const limitBytes = (deviceMemoryGiB ?? Infinity) * GIB;
  // The browser tells nothing of memory above 8 GiB, and no model takes more than that on WASM.
  if (refusedBy === null && execution.kind === "wasm" && inComputer > limitBytes) {
    reasons.push({ code: "memory-too-small", neededBytes: inComputer, limitBytes });
  }
  return reasons;
}

function storageReasons({ missingBytes }: ModelFacts, { storage }: MachineFacts): AssessmentReason[] {
  if (missingBytes === 0) return [];
  if (storage === null) return [{ code: "storage-missing" }];
  const { freeBytes } = storage;
  return missingBytes > freeBytes ? [{ code: "storage-too-small", neededBytes: missingBytes, freeBytes }] : [];
}

function streamed(residentLayers: number, layers: number): AssessmentReason {
  return { code: "layers-streamed", residentLayers, streamedLayers: layers - residentLayers };
}

function lowSpeed({ tokensPerSecond, measured }: Speed): AssessmentReason {
  return { code: "low-speed", tokensPerSecond, measured };
}

function verdictOf(reasons: readonly AssessmentReason[]): Verdict {
  const has = (code: AssessmentReason["code"]): boolean => reasons.some((reason) => reason.code === code);
  const isRefused = reasons.some((reason) => reason.code === "webgpu-missing" && reason.required);
  if (isRefused || has("memory-too-small") || has("binding-too-small") || has("storage-too-small")) return "cannot";
  if (has("low-speed")) return "slow";
  return has("layers-streamed") ? "streams" : "runs";
}

/** Bytes of each tensor of a layer where the layers run. */
function placedTensors({ architecture, bits }: Pick<ModelFacts, "architecture" | "bits">, activations: Activations) {
  return layerTensorSpecs(architecture, bits).map((spec) =>
    placedBytes({ ...spec, name: spec.input, file: "", offset: 0, bytes: storedBytes(spec) }, activations),
  );
}

function storedBytes({ dtype, shape }: LayerTensorSpec): number {
  return shape.reduce((product, size) => product * size, dtype === "float16" ? 2 : 1);
}

function align(bytes: number): number {
  return Math.ceil(bytes / TENSOR_ALIGNMENT) * TENSOR_ALIGNMENT;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
