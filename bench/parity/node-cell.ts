/** @file The process of a cell under Node: opens a pack on Dawn, embeds what it is sent. Started by in-node.ts. */
import { dawnVersion, NoWebGpu } from "../node/dawn.ts";
import { openNodeEmbedder, type NodeEmbedder } from "../node/node-embedder.ts";
import { CannotRun, deviceFacts, type CellOrder, type DeviceFacts } from "./device.ts";
import type { NodeAnswer, NodeQuestion } from "./in-node.ts";

let embedder: NodeEmbedder | null = null;

process.on("message", (question: NodeQuestion) => void answer(question).then(send, fail));

async function answer(question: NodeQuestion): Promise<NodeAnswer> {
  if (question.kind === "open") return { kind: "open", facts: await open(question.order) };
  const { batch, chunkTokens } = question;
  const vectors = await embedder!.embedIds(batch, chunkTokens === undefined ? {} : { chunkTokens });
  // They are views into one array: as they are, each would be sent with all of it.
  return { kind: "embed", vectors: vectors.map((vector) => vector.slice()) };
}

async function open(order: CellOrder): Promise<DeviceFacts> {
  const { pack, activations, device } = order;
  embedder = await openNodeEmbedder({ packDir: pack.folder, activations, device });
  const host = `Node ${process.versions.node}, Dawn ${(await dawnVersion()) ?? "of unknown version"}`;
  return deviceFacts(host, embedder.status, order);
}

function fail(error: unknown): void {
  const cannotRun = error instanceof CannotRun || error instanceof NoWebGpu;
  send({ kind: "failed", cannotRun, message: error instanceof Error ? error.message : String(error) });
}

function send(message: NodeAnswer): void {
  process.send!(message);
}
