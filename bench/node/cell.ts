/** @file One model in one kind of activations: both contenders in this process, in turn, workload by workload. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MANIFEST } from "../../src/model/manifest-bytes.ts";
import type { Gauge } from "../../src/gpu/gauge.ts";
import type { Activations, GoldenVector, PackManifest } from "../../src/pack.ts";
import { exactnessOf, spreadOf } from "../compare/statistics.ts";
import type { Exactness } from "../report/compare-result.ts";
import type { NodeCell, NodeEntry, NodeWorkload, OpenedContender } from "../report/node-result.ts";
import type { PeerModel } from "./models.ts";
import { openNodeEmbedder, type NodeEmbedder } from "./node-embedder.ts";
import { openPeer, type Peer, type PeerFeatures } from "./peer.ts";
import { makeWorkloads, type NodeWorkloadInput } from "./workloads.ts";

export interface CellOrder {
  readonly shape: string;
  readonly pack: string;
  /** `null`: Strata runs alone. */
  readonly export: PeerModel | null;
  readonly bits: number;
  readonly activations: Activations;
  readonly lengths: readonly (readonly number[])[];
  /** Timed ones, after one that is not. */
  readonly rounds: number;
  /** No further round is begun after this time. */
  readonly workloadSeconds: number;
  /** Texts a call of the peer. */
  readonly batchSize: number;
  readonly peerFeatures: PeerFeatures;
  readonly vramBudgetBytes: number | null;
}

/** What is known so far, after each step: a process that dies leaves what it had. */
export type CellReport = Omit<NodeCell, "failure">;

/** Of a contender that was not reached, or whose process died while it opened. */
export const NOT_YET: OpenedContender = { execution: null, openMs: null, golden: null, failure: "it did not open" };

/** Either side, as the rounds see it. */
interface Side {
  readonly contender: NodeEntry["contender"];
  readonly batchSize: number | null;
  readonly gauge: Gauge;
  embed(batch: readonly Int32Array[]): Promise<Float32Array[]>;
}

/**
 * @param order - Of the command.
 * @param report - Told after each step.
 */
export async function runCell(order: CellOrder, report: (cell: CellReport) => void): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(order.pack, MANIFEST), "utf8")) as PackManifest;
  const { shape, bits, activations } = order;
  const workloads: NodeWorkload[] = [];
  const tell = (peerSoFar: OpenedContender): void => {
    const layers = manifest.architecture.num_hidden_layers;
    report({ shape, layers, bits, activations, strata: strata.opened, peer: peerSoFar, workloads });
  };
  const strata = await openSide(() => openStrata(order, manifest), manifest.golden);
  tell(NOT_YET);
  const peer = await openSide(() => openOther(order, manifest), manifest.golden);
  tell(peer.opened);
  const sides = [strata.side, peer.side].filter((side) => side !== null);
  for (const workload of makeWorkloads(order.lengths, manifest)) {
    workloads.push(await runWorkload(workload, sides, order));
    tell(peer.opened);
  }
  await strata.close();
  await peer.close();
}

interface OpenSide {
  readonly opened: OpenedContender;
  readonly side: Side | null;
  close(): Promise<void>;
}

interface Contender {
  readonly side: Side;
  readonly execution: string;
  close(): Promise<void>;
}

async function openSide(open: () => Promise<Contender>, golden: readonly GoldenVector[]): Promise<OpenSide> {
  const started = performance.now();
  try {
    const { side, execution, close } = await open();
    const openMs = performance.now() - started;
    const answers = await exactnessOfGolden(side, golden);
    return { opened: { execution, openMs, golden: answers, failure: null }, side, close };
  } catch (error) {
    const opened = { execution: null, openMs: null, golden: null, failure: String(error) };
    return { opened, side: null, close: async () => undefined };
  }
}

async function exactnessOfGolden(side: Side, golden: readonly GoldenVector[]): Promise<Exactness | null> {
  if (golden.length === 0) return null;
  const vectors = await side.embed(golden.map(({ inputIds }) => Int32Array.from(inputIds)));
  return exactnessOf(
    golden.flatMap(({ dimensions }, i) => [...cut(vectors[i]!, dimensions)]),
    golden.map(({ vector }) => vector),
  );
}

/** Known answers may be of fewer dimensions: cut, then a unit vector again. */
function cut(vector: Float32Array, dimensions: number): Float32Array {
  const head = vector.subarray(0, dimensions);
  const length = Math.hypot(...head);
  return head.map((x) => x / length);
}

async function openStrata(order: CellOrder, manifest: PackManifest): Promise<Contender> {
  const { pack: packDir, activations, vramBudgetBytes } = order;
  const budget = vramBudgetBytes === null ? {} : { vramBudgetBytes };
  const embedder: NodeEmbedder = await openNodeEmbedder({ packDir, manifest, activations, ...budget });
  const { kind, activations: ran, build, subgroups, adapter } = embedder.status.device;
  if (ran !== activations) {
    embedder.close();
    throw new Error(`this adapter has no shader-f16, so ${activations} would have been ${ran}`);
  }
  const width = subgroups ? `subgroups ${adapter?.subgroupMinSize}` : "no subgroups";
  return {
    side: {
      contender: "strata",
      batchSize: null,
      gauge: embedder.gauge,
      embed: (batch) => embedder.embedIds(batch),
    },
    execution: `${kind} ${ran} ${build}, ${width}`,
    close: async () => embedder.close(),
  };
}

async function openOther(order: CellOrder, { padTokenId }: PackManifest): Promise<Contender> {
  if (order.export === null) throw new Error("left out, as asked");
  const peer: Peer = await openPeer({ ...order.export, padTokenId, features: order.peerFeatures });
  const embed = async (batch: readonly Int32Array[]): Promise<Float32Array[]> => {
    const vectors: Float32Array[] = [];
    for (let i = 0; i < batch.length; i += order.batchSize) {
      vectors.push(...(await peer.embedIds(batch.slice(i, i + order.batchSize))));
    }
    return vectors;
  };
  return {
    side: { contender: "transformers.js", batchSize: order.batchSize, gauge: peer.gauge, embed },
    execution: peer.execution,
    close: () => peer.close(),
  };
}

/** What the rounds of one side leave. */
interface SideRecord {
  readonly side: Side;
  readonly ms: number[];
  readonly idleVramBytes: number;
  peakVramBytes: number;
  vectors: Float32Array[];
  failure: string | null;
}

async function runWorkload(
  workload: NodeWorkloadInput,
  sides: readonly Side[],
  { rounds, workloadSeconds }: CellOrder,
): Promise<NodeWorkload> {
  const records = sides.map((side): SideRecord => {
    return { side, ms: [], idleVramBytes: side.gauge.liveBytes, peakVramBytes: 0, vectors: [], failure: null };
  });
  // Compiles, allocates, and gives the vectors to compare.
  for (const record of records) await runOnce(workload, record, "untimed");
  const started = performance.now();
  for (let round = 0; round < rounds; round++) {
    if (round > 0 && performance.now() - started > workloadSeconds * 1000) break;
    for (const record of round % 2 === 0 ? records : records.toReversed()) await runOnce(workload, record, "timed");
  }
  const tokens = workload.batch.reduce((sum, { length }) => sum + length, 0);
  const { title, flops } = workload;
  const [strata] = records;
  const entries = records.map((record) => entryOf(record, { tokens, flops, reference: strata! }));
  return { title, texts: workload.batch.length, tokens, flops, entries };
}

async function runOnce({ batch }: NodeWorkloadInput, record: SideRecord, kind: "timed" | "untimed"): Promise<void> {
  if (record.failure !== null) return;
  const { side } = record;
  side.gauge.resetPeak();
  const started = performance.now();
  try {
    record.vectors = await side.embed(batch);
    if (kind === "timed") record.ms.push(performance.now() - started);
  } catch (error) {
    record.failure = String(error);
  }
  record.peakVramBytes = Math.max(record.peakVramBytes, side.gauge.peakBytes);
}

function entryOf(
  record: SideRecord,
  what: { readonly tokens: number; readonly flops: number; readonly reference: SideRecord },
): NodeEntry {
  const { side, ms, failure, vectors, idleVramBytes, peakVramBytes } = record;
  const { contender, batchSize } = side;
  const memory = { idleVramBytes, peakVramBytes };
  if (failure !== null || ms.length === 0) {
    const nothing = { ms: null, tokensPerSecond: null, flopsPerSecond: null, againstStrata: null };
    return { contender, batchSize, failure: failure ?? "no round was timed", ...nothing, ...memory };
  }
  const { tokens, flops, reference } = what;
  const time = spreadOf(ms);
  const isOther = record !== reference && reference.failure === null && reference.side.contender === "strata";
  return {
    contender,
    batchSize,
    failure: null,
    ms: time,
    tokensPerSecond: spreadOf(ms.map((one) => (1000 * tokens) / one)),
    flopsPerSecond: (1000 * flops) / time.median,
    ...memory,
    againstStrata: isOther
      ? exactnessOf(
          vectors.flatMap((vector) => [...vector]),
          reference.vectors,
        )
      : null,
  };
}
