/** @file The importer's worker: reads one file after the other. Logic is in read-file.ts. */
import { importStrings } from "../import-strings.ts";
import { Refusal } from "./outcome.ts";
import type { ReadReply, ReadRequest } from "./protocol.ts";
import { readDocuments } from "./read-file.ts";
import { inParts } from "./parts.ts";

const port = globalThis as unknown as {
  onmessage: (event: MessageEvent<ReadRequest>) => void;
  postMessage(reply: ReadReply): void;
};

port.onmessage = ({ data }) => void answer(data);

async function answer({ content, title, ...file }: ReadRequest): Promise<void> {
  try {
    const bytes = await bytesOf(content);
    const documents = await readDocuments({ ...file, bytes, ...(title !== null && { title }) });
    for (const part of inParts(documents)) port.postMessage({ kind: "part", documents: part });
    port.postMessage({ kind: "end" });
  } catch (error) {
    const refusal =
      error instanceof Refusal
        ? error
        : new Refusal("reader-failed", importStrings.details.readerFailed, { cause: error });
    port.postMessage({ kind: "refused", reason: refusal.reason, detail: refusal.message });
  }
}

async function bytesOf(content: Blob | string): Promise<Uint8Array> {
  if (typeof content === "string") return new TextEncoder().encode(content);
  try {
    return new Uint8Array(await content.arrayBuffer());
  } catch (error) {
    throw new Refusal("unreadable", importStrings.details.unreadable, { cause: error });
  }
}
