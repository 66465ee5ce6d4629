/** @file The importer's worker: reads one file after the other. Logic is in read-file.ts. */
import { importStrings } from "../import-strings.ts";
import { Refusal } from "./outcome.ts";
import type { ReadReply, ReadRequest } from "./protocol.ts";
import { readDocuments } from "./read-file.ts";
import { inParts } from "./parts.ts";

/**
 * The page's first message brings a port, and all that is read goes over it: once loaded, pdf.js listens to what is sent
 * to this worker itself, and answers.
 */
globalThis.addEventListener("message", ({ ports: [port] }) => {
  if (port)
    port.onmessage = ({ data }: MessageEvent<ReadRequest>) => void answer(data, (reply) => port.postMessage(reply));
});

async function answer({ content, title, ...file }: ReadRequest, send: (reply: ReadReply) => void): Promise<void> {
  try {
    const bytes = await bytesOf(content);
    if (bytes.length === 0) throw new Refusal("empty", importStrings.details.empty);
    const documents = await readDocuments({ ...file, bytes, ...(title !== null && { title }) });
    for (const part of inParts(documents)) send({ kind: "part", documents: part });
    send({ kind: "end" });
  } catch (error) {
    const refusal =
      error instanceof Refusal
        ? error
        : new Refusal("reader-failed", importStrings.details.readerFailed, { cause: error });
    send({ kind: "refused", reason: refusal.reason, detail: refusal.message });
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
