/** @file A visitor's files, texts and addresses → search documents, read in a worker of the page's own. */
import type { SearchDocument } from "../../src/index.ts";
import { importStrings } from "../import-strings.ts";
import { fetchUrl } from "./fetch-url.ts";
import { IMPORT_EXTENSIONS, formatOfName } from "./formats.ts";
import type { Format } from "./formats.ts";
import { MAX_FILE_BYTES, MAX_READ_MS } from "./limits.ts";
import { Refusal } from "./outcome.ts";
import type { ImportOutcome, ImportSource } from "./outcome.ts";
import type { ReadReply, ReadRequest } from "./protocol.ts";

const { details } = importStrings;

/** Formats that text can have which is no file. */
const PASTED_FORMATS: ReadonlySet<Format | null> = new Set(["csv", "html", "json", "jsonl", "md", "tsv"]);
/** Of a pasted text: its first line, up to about a line of a card. */
const MAX_FIRST_LINE_CHARACTERS = 80;

/** Reads one source after the other; the worker starts with the first. */
export class Importer implements Disposable {
  readonly #disposed = new AbortController();
  #reader: Reader | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @returns The documents, or why there are none.
   * @throws The signal's reason when it is aborted; an `AbortError` after `dispose`.
   */
  async read(source: ImportSource, { signal }: { readonly signal?: AbortSignal } = {}): Promise<ImportOutcome> {
    const name = source.kind === "url" ? source.url : source.name;
    const either = signal ? AbortSignal.any([signal, this.#disposed.signal]) : this.#disposed.signal;
    either.throwIfAborted();
    try {
      const request = await requestOf(source, either);
      return { name, documents: await this.#queue(request, either) };
    } catch (error) {
      either.throwIfAborted();
      const refusal = error instanceof Refusal ? error : new Refusal("reader-failed", details.readerFailed);
      return { name, refused: refusal.reason, detail: refusal.message };
    }
  }

  /** Ends the worker; what is being read rejects. */
  dispose(): void {
    this.#disposed.abort();
    this.#endWorker();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #queue(request: ReadRequest, signal: AbortSignal): Promise<SearchDocument[]> {
    const read = this.#turn.then(() => this.#ask(request, signal));
    this.#turn = read.catch(() => undefined);
    return read;
  }

  /** Whatever stops a read half-way takes the worker with it: nothing else stops a parser. */
  async #ask(request: ReadRequest, signal: AbortSignal): Promise<SearchDocument[]> {
    signal.throwIfAborted();
    this.#reader ??= startReader();
    const limit = AbortSignal.timeout(MAX_READ_MS);
    try {
      return await exchange(this.#reader, request, AbortSignal.any([signal, limit]));
    } catch (error) {
      const isOfContent = error instanceof Refusal && error.reason !== "reader-failed";
      if (!isOfContent) this.#endWorker();
      signal.throwIfAborted();
      throw limit.aborted ? new Refusal("too-slow", details.tooSlow) : error;
    }
  }

  #endWorker(): void {
    this.#reader?.worker.terminate();
    this.#reader = null;
  }
}

/** A worker, and the port that it listens to. */
interface Reader {
  readonly worker: Worker;
  readonly port: MessagePort;
}

function startReader(): Reader {
  const worker = new Worker(new URL("./import.worker.ts", import.meta.url), { type: "module", name: "strata-import" });
  const { port1: port, port2 } = new MessageChannel();
  worker.postMessage(null, [port2]);
  port.start();
  return { worker, port };
}

/** @throws {Refusal} What can be told without the content, and what a fetch meets. */
async function requestOf(source: ImportSource, signal: AbortSignal): Promise<ReadRequest> {
  if (source.kind === "url") return fetchUrl(source.url, signal);
  const { name } = source;
  if (source.kind === "text") {
    const title = firstLine(source.format === "html" ? "" : source.text);
    return { name, format: textFormat(source), content: source.text, charset: "utf-8", title };
  }
  const format = formatOfName(name);
  if (format === null) throw new Refusal("not-a-text-type", details.notATextType(IMPORT_EXTENSIONS));
  if (source.file.size > MAX_FILE_BYTES) throw new Refusal("too-large", details.fileTooLarge(source.file.size));
  return { name, format, content: source.file, charset: null, title: null };
}

function textFormat({ name, format }: { readonly name: string; readonly format?: "plain" | "html" }): Format {
  if (format !== undefined) return format === "html" ? "html" : "txt";
  const named = formatOfName(name);
  return named !== null && PASTED_FORMATS.has(named) ? named : "txt";
}

function firstLine(text: string): string | null {
  const line = /\S[^\r\n]*/.exec(text)?.[0] ?? "";
  if (line.length <= MAX_FIRST_LINE_CHARACTERS) return line.trim() || null;
  return `${line.slice(0, MAX_FIRST_LINE_CHARACTERS).replace(/\s+\S*$|[\uD800-\uDBFF]$/, "")}…`;
}

/** Sends a request and collects its parts. Rejects when the worker fails, and when the signal is aborted. */
function exchange({ worker, port }: Reader, request: ReadRequest, signal: AbortSignal): Promise<SearchDocument[]> {
  const settled = new AbortController();
  const documents: SearchDocument[] = [];
  const answer = new Promise<SearchDocument[]>((resolve, reject) => {
    const until = { signal: settled.signal };
    const failed = (): void => reject(new Refusal("reader-failed", details.readerFailed));
    const receive = ({ data }: MessageEvent<ReadReply>): void => {
      if (data.kind === "part") documents.push(...data.documents);
      else if (data.kind === "end") resolve(documents);
      else reject(new Refusal(data.reason, data.detail));
    };
    port.addEventListener("message", receive, until);
    worker.addEventListener("error", failed, until);
    port.addEventListener("messageerror", failed, until);
    signal.addEventListener("abort", () => reject(new Error("aborted", { cause: signal.reason })), until);
    port.postMessage(request);
  });
  return answer.finally(() => settled.abort());
}
