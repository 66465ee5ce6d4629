/** @file Command line of the Node benchmark → what to run. Pure. */
import { parseArgs } from "node:util";
import { EmbedError } from "../../src/errors.ts";
import type { Activations } from "../../src/pack.ts";
import { SHAPE_NAMES, type BenchShape } from "./models.ts";
import type { PeerFeatures } from "./peer.ts";
import { parseWorkloads } from "./workloads.ts";

export type NodeSize = "small" | "full";

/** What a size stands for; each part has a flag of its own. */
interface SizeDefaults {
  readonly shapes: string;
  readonly activations: string;
  readonly lengths: string;
  readonly batches: string;
  readonly rounds: string;
}

/** `small` is for software adapters, where a layer of the 4B shape takes seconds; `full` for GPUs. */
const SIZES: Readonly<Record<NodeSize, SizeDefaults>> = {
  small: { shapes: "nano,stress", activations: "f32,f16", lengths: "16,128", batches: "4x32,mixed8", rounds: "2" },
  full: {
    shapes: "nano,0.6b,4b,8b",
    activations: "f32,f16",
    lengths: "16,128,512,2048,8192,32768",
    batches: "64x128,16x512,mixed256",
    rounds: "5",
  },
};

export const USAGE = `Strata and transformers.js' graph under Node, on the GPU that Dawn finds; both in one process, in turn.

  --size small|full         software adapters, or GPUs (default: small)
  --shapes NAME,…           ${SHAPE_NAMES.join(", ")}: but nano and stress with random weights (small: ${SIZES.small.shapes}; full: ${SIZES.full.shapes})
  --activations f32,f16     (default: both)
  --lengths N,…             tokens of single texts (small: ${SIZES.small.lengths}; full: ${SIZES.full.lengths})
  --batches NxT,…           N texts of T tokens, or mixedN (small: ${SIZES.small.batches}; full: ${SIZES.full.batches})
  --rounds N                timed, after one that is not (small: ${SIZES.small.rounds}; full: ${SIZES.full.rounds})
  --workload-seconds N      no further round of a workload begins after that (default: 120)
  --quiet-minutes N         a process that reports nothing for so long is ended (default: 20)
  --layers N                first N layers of the shapes with random weights (default: all)
  --batch-size N            texts a call of the peer (default: 32)
  --peer-features own|narrow  the peer's device: as ONNX Runtime asks for it, or without subgroups (default: own)
  --only strata|roofline    without the peer; nothing but the roofline (default: all)
  --budget MIB              GPU memory that Strata may use (default: the library's own)
  --work DIR                where packs and exports go, kept (default: a temporary folder, removed)
  --out PATH                folder or file of the result (default: bench/results)
  --help                    this text

VK_ICD_FILENAMES names another Vulkan driver. Exit codes: 0 done, 1 failed, 2 wrong flags, 3 no WebGPU adapter.
`;

const FLAGS = {
  size: { type: "string", default: "small" },
  shapes: { type: "string" },
  activations: { type: "string" },
  lengths: { type: "string" },
  batches: { type: "string" },
  rounds: { type: "string" },
  "workload-seconds": { type: "string", default: "120" },
  "quiet-minutes": { type: "string", default: "20" },
  layers: { type: "string" },
  "batch-size": { type: "string", default: "32" },
  "peer-features": { type: "string", default: "own" },
  only: { type: "string", default: "all" },
  budget: { type: "string" },
  work: { type: "string" },
  out: { type: "string" },
  help: { type: "boolean" },
} as const;

export interface NodeBenchOptions {
  readonly size: NodeSize;
  readonly shapes: readonly BenchShape[];
  readonly activations: readonly Activations[];
  readonly lengths: readonly (readonly number[])[];
  readonly rounds: number;
  readonly workloadSeconds: number;
  readonly quietMinutes: number;
  readonly layers: number | undefined;
  readonly batchSize: number;
  readonly peerFeatures: PeerFeatures;
  readonly only: "all" | "strata" | "roofline";
  readonly vramBudgetBytes: number | null;
  readonly work: string | undefined;
  readonly out: string | undefined;
}

/**
 * @returns `null` when the usage is asked for.
 * @throws {EmbedError} `invalid-input`, naming the flag.
 */
export function parseNodeOptions(args: readonly string[]): NodeBenchOptions | null {
  const flags = parseFlags(args);
  if (flags.help) return null;
  const size = oneOf("--size", flags.size, ["small", "full"] as const);
  const usual = SIZES[size];
  const count = (flag: keyof typeof flags, value: string): number => wholeNumber(`--${flag}`, value);
  return {
    size,
    shapes: listOf("--shapes", flags.shapes ?? usual.shapes, SHAPE_NAMES),
    activations: listOf("--activations", flags.activations ?? usual.activations, ["f32", "f16"] as const),
    lengths: parseWorkloads(flags.lengths ?? usual.lengths, flags.batches ?? usual.batches),
    rounds: count("rounds", flags.rounds ?? usual.rounds),
    workloadSeconds: count("workload-seconds", flags["workload-seconds"]),
    quietMinutes: count("quiet-minutes", flags["quiet-minutes"]),
    layers: flags.layers === undefined ? undefined : count("layers", flags.layers),
    batchSize: count("batch-size", flags["batch-size"]),
    peerFeatures: oneOf("--peer-features", flags["peer-features"], ["own", "narrow"] as const),
    only: oneOf("--only", flags.only, ["all", "strata", "roofline"] as const),
    vramBudgetBytes: flags.budget === undefined ? null : count("budget", flags.budget) * 2 ** 20,
    work: flags.work,
    out: flags.out,
  };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS }).values;
  } catch (cause) {
    throw new EmbedError("invalid-input", (cause as Error).message, { cause });
  }
}

function listOf<T extends string>(flag: string, list: string, known: readonly T[]): T[] {
  return list.split(",").map((name) => oneOf(flag, name, known));
}

function oneOf<T extends string>(flag: string, value: string, known: readonly T[]): T {
  const found = known.find((name) => name === value);
  if (found !== undefined) return found;
  throw new EmbedError("invalid-input", `${flag} is ${value}, not of ${known.join(", ")}`);
}

function wholeNumber(flag: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new EmbedError("invalid-input", `${flag} is ${value}, not a whole number above 0`);
}
