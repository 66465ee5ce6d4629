/** @file The Node benchmark: roofline, then each model in a process of its own, so that none can take the others down. */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { adapterFacts } from "../../src/gpu/device.ts";
import type { AdapterFacts } from "../../src/types.ts";
import { adapterSlug, thisMachine, writeResult } from "../report/frame.ts";
import type { NodeCell, NodeResult } from "../report/node-result.ts";
import { RESULT_VERSION } from "../report/result.ts";
import { measureCopy } from "../roofline/copy.ts";
import { measureMatmul } from "../roofline/matmul.ts";
import { NOT_YET, runCell, type CellOrder, type CellReport } from "./cell.ts";
import { openDawn, requireAdapter } from "./dawn.ts";
import type { Activations } from "../../src/pack.ts";
import { BITS, makeExport, makePack, type BenchShape } from "./models.ts";
import type { NodeBenchOptions } from "./options.ts";
import type { Origin } from "./origin.ts";

/** First argument of a child process, before its order as JSON. */
export const CELL_FLAG = "--cell";

/** Runs what a parent process ordered, and reports to it. */
export async function runOrderedCell(order: string): Promise<void> {
  await runCell(JSON.parse(order) as CellOrder, (report) => process.send?.(report));
}

/**
 * @param command - The flags that were given.
 * @returns Path of the result.
 * @throws {NoWebGpu} Before anything is made, when there is no adapter.
 */
export async function runBench(
  options: NodeBenchOptions,
  origin: Origin,
  command: readonly string[],
): Promise<{ readonly result: NodeResult; readonly path: string }> {
  const frame = { date: new Date().toISOString(), command: [origin.command, ...withoutPlaces(command)].join(" ") };
  const startLoad = loadShare();
  const { adapter, roofline } = await measureAdapter();
  note([adapter.vendor, adapter.architecture, adapter.description].join(" "));
  const work = options.work ?? mkdtempSync(join(tmpdir(), "strata-bench-"));
  const cells: NodeCell[] = [];
  // After each cell: a machine that is taken away leaves what was measured.
  const write = () => {
    const notes = [...notesOf(options), loadNote(startLoad)];
    const result: NodeResult = { ...frameOf(options, origin), ...frame, adapter, notes, roofline, cells };
    return { result, path: writeResult(result, `${adapterSlug(adapter)}-node`, options.out ?? origin.results) };
  };
  try {
    for (const choice of cellsOf(options, adapter)) {
      note(`${choice.shape} ${choice.activations}`);
      cells.push(await runOrder(await makeOrder(options, { ...choice, origin, work }), options, origin));
      write();
    }
    return write();
  } finally {
    if (options.work === undefined) rmSync(work, { recursive: true, force: true });
  }
}

function frameOf({ shapes, layers, size }: NodeBenchOptions, { commit, versions }: Origin) {
  const only = layers === undefined ? "" : `, ${layers} ${layers === 1 ? "layer" : "layers"}`;
  // Results of the same models stand for each other, the newest for all.
  const models = shapes.map((shape) => `${shape} q${BITS}${shape === "nano" || shape === "stress" ? "" : only}`);
  return {
    schema: "strata-bench",
    version: RESULT_VERSION,
    kind: "node",
    commit,
    machine: thisMachine(),
    host: `Node ${process.versions.node}`,
    versions,
    model: models.join(", "),
    size,
  } as const;
}

async function measureAdapter(): Promise<Pick<NodeResult, "roofline"> & { readonly adapter: AdapterFacts }> {
  const gpuAdapter = await requireAdapter(await openDawn());
  const adapter = adapterFacts(gpuAdapter);
  const { limits } = gpuAdapter;
  const device = await gpuAdapter.requestDevice({
    requiredFeatures: adapter.shaderF16 ? ["shader-f16"] : [],
    requiredLimits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    },
  });
  try {
    const f32 = await measureMatmul(device, { dtype: "f32" });
    const f16 = adapter.shaderF16 ? await measureMatmul(device, { dtype: "f16" }) : null;
    return { adapter, roofline: { f32, f16, copy: await measureCopy(device) } };
  } finally {
    device.destroy();
  }
}

/** Where files went is no part of how to do it again. */
function withoutPlaces(flags: readonly string[]): string[] {
  const isPlace = (flag: string | undefined): boolean => flag === "--work" || flag === "--out";
  return flags.filter((flag, i) => !isPlace(flag) && !isPlace(flags[i - 1]) && !/^--(work|out)=/.test(flag));
}

interface CellChoice {
  readonly shape: BenchShape;
  readonly activations: Activations;
}

function cellsOf({ shapes, activations, only }: NodeBenchOptions, { shaderF16 }: AdapterFacts): CellChoice[] {
  if (only === "roofline") return [];
  const possible = activations.filter((one) => one === "f32" || shaderF16);
  if (possible.length < activations.length) note("f16: left out, this adapter has no shader-f16");
  return shapes.flatMap((shape) => possible.map((one) => ({ shape, activations: one })));
}

async function makeOrder(
  options: NodeBenchOptions,
  cell: CellChoice & { readonly origin: Origin; readonly work: string },
): Promise<CellOrder> {
  const { shape, activations, work, origin } = cell;
  const pack = await makePack(shape, { root: origin.root, work }, options.layers);
  const name = options.layers === undefined ? shape : `${shape}-${options.layers}`;
  const exported = options.only === "strata" ? null : await makeExport(pack, activations, { name, work });
  const { lengths, rounds, workloadSeconds, batchSize, peerFeatures, vramBudgetBytes } = options;
  const given = { lengths, rounds, workloadSeconds, batchSize, peerFeatures, vramBudgetBytes };
  return { shape, activations, pack, export: exported, bits: BITS, ...given };
}

/** Where the process dies or hangs, what is left is run in a second one without the peer. */
async function runOrder(order: CellOrder, { quietMinutes }: NodeBenchOptions, { entry }: Origin): Promise<NodeCell> {
  const cell = await inOwnProcess(order, quietMinutes, entry);
  // Those that are too long for the model stand at the end, and are not run by a process that lives.
  const left = order.lengths.slice(cell.workloads.length);
  if (cell.failure === null || order.export === null || left.length === 0) return cell;
  note(`  ${cell.failure}; what is left without the peer`);
  const rest = await inOwnProcess({ ...order, export: null, lengths: left }, quietMinutes, entry);
  return {
    ...cell,
    strata: cell.strata.execution === null ? rest.strata : cell.strata,
    workloads: [...cell.workloads, ...rest.workloads],
    failure: `${cell.failure}; what followed ran without the peer${rest.failure === null ? "" : `: ${rest.failure}`}`,
  };
}

/** A process that says nothing for too long hangs in ONNX Runtime or in the driver: it is ended, with what it had told. */
function inOwnProcess(order: CellOrder, quietMinutes: number, entry: string): Promise<NodeCell> {
  const child = fork(entry, [CELL_FLAG, JSON.stringify(order)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const { shape, bits, activations } = order;
  let last: CellReport = { shape, layers: 0, bits, activations, strata: NOT_YET, peer: NOT_YET, workloads: [] };
  let wasQuiet = false;
  const end = (): void => {
    wasQuiet = true;
    child.kill("SIGKILL");
  };
  let timer = setTimeout(end, quietMinutes * 60_000);
  child.on("message", (report) => {
    clearTimeout(timer);
    timer = setTimeout(end, quietMinutes * 60_000);
    last = report as CellReport;
    note(progressOf(last));
  });
  return new Promise((resolve) => {
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      const how = wasQuiet ? `ended after ${quietMinutes} minutes without a word` : `exit ${code ?? signal}`;
      resolve({ ...last, failure: code === 0 ? null : how });
    });
  });
}

function progressOf({ strata, peer, workloads }: CellReport): string {
  const done = workloads.at(-1);
  if (!done) return `  Strata ${strata.execution ?? strata.failure}; peer ${peer.execution ?? peer.failure}`;
  const times = done.entries.map(({ contender, tokensPerSecond, failure }) => {
    return `${contender} ${tokensPerSecond ? `${tokensPerSecond.median.toPrecision(3)} tokens/s` : failure}`;
  });
  return `  ${done.title}: ${times.join(", ")}`;
}

function notesOf({ rounds, batchSize, layers, peerFeatures, workloadSeconds }: NodeBenchOptions): string[] {
  return [
    `Both contenders are in one process with a device each; one untimed run of each, then up to ${rounds} timed rounds in turn (none begins after ${workloadSeconds} s), the order reversed in every second one; medians.`,
    "Token ids in, unit vectors out: no tokenizer is timed. Weights but those of nano and stress are random, so that only the numbers of the two sides can be compared with each other.",
    `The peer is the whole-graph export that transformers.js loads, with the same integers, run by the same onnxruntime-web: up to ${batchSize} texts a call, padded on the left, all hidden states read back as transformers.js does.`,
    peerFeatures === "own"
      ? "The peer's device has the features that ONNX Runtime asks for itself; Strata's has subgroups only from width 16 on."
      : "The peer's device has no subgroups, so that it runs the kernels of Strata's.",
    ...(layers === undefined ? [] : [`Shapes with random weights were cut to ${layers} layers.`]),
    "FLOP/s count what the texts need through all layers, padding and token table left out, for both sides alike.",
  ];
}

/** Load average of the last minute over the number of processors. */
function loadShare(): number {
  return (loadavg()[0] ?? 0) / cpus().length;
}

function loadNote(start: number): string {
  const shown = (share: number): string => share.toFixed(1);
  return `Load average over processors: ${shown(start)} before, ${shown(loadShare())} after; above 1 others had a part of the time.`;
}

/** Results go to standard output. */
function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
