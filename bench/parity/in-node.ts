/** @file Cells under Node, on the GPU that Dawn finds: f16 where the browser's adapter has none. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CannotRun, type CellOrder, type DeviceFacts, type ParityDevice } from "./device.ts";

const CHILD = fileURLToPath(new URL("./node-cell.ts", import.meta.url));

/** To the child; one at a time. */
export type NodeQuestion =
  | { readonly kind: "open"; readonly order: CellOrder }
  | { readonly kind: "embed"; readonly batch: readonly Int32Array[]; readonly chunkTokens: number | undefined };

/** Its answer, of the same kind unless it failed. */
export type NodeAnswer =
  | { readonly kind: "open"; readonly facts: DeviceFacts }
  | { readonly kind: "embed"; readonly vectors: readonly Float32Array[] }
  | { readonly kind: "failed"; readonly cannotRun: boolean; readonly message: string };

/**
 * In a process of its own: ONNX Runtime keeps state by the process, and a driver that crashes takes no other cell along.
 *
 * @param patienceMs - Longest wait for one answer.
 * @throws {CannotRun} When Dawn is not installed, finds no adapter, has no f16, or is not done in time.
 */
export async function inNode<T>(
  order: CellOrder,
  patienceMs: number,
  task: (device: ParityDevice) => Promise<T>,
): Promise<T> {
  const child = fork(CHILD, { serialization: "advanced" });
  const ask = (question: NodeQuestion): Promise<NodeAnswer> => askChild(child, question, patienceMs);
  try {
    const opened = await ask({ kind: "open", order });
    if (opened.kind !== "open") throw unexpected(opened);
    return await task({
      facts: opened.facts,
      async embed(batch, chunkTokens) {
        const answer = await ask({ kind: "embed", batch, chunkTokens });
        if (answer.kind !== "embed") throw unexpected(answer);
        return [...answer.vectors];
      },
    });
  } finally {
    child.kill("SIGKILL");
  }
}

function askChild(child: ChildProcess, question: NodeQuestion, patienceMs: number): Promise<NodeAnswer> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer);
      child.off("message", receive).off("exit", end);
    };
    const receive = (answer: unknown): void => {
      settle();
      const known = answer as NodeAnswer;
      if (known.kind === "failed") reject(known.cannotRun ? new CannotRun(known.message) : new Error(known.message));
      else resolve(known);
    };
    const end = (code: number | null, signal: string | null): void => {
      settle();
      reject(new Error(`Node with Dawn ended with ${signal ?? code} while it was to ${question.kind}`));
    };
    const timer = setTimeout(() => {
      settle();
      reject(new CannotRun(`Node with Dawn was not done within ${patienceMs / 1000} s, told to ${question.kind}`));
    }, patienceMs);
    child.on("message", receive).on("exit", end);
    child.send(question);
  });
}

function unexpected(answer: NodeAnswer): Error {
  return new Error(`Node with Dawn answered ${answer.kind}`);
}
