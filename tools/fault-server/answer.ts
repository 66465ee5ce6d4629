/** @file One answer of the fault server: a file or a range of it, with the faults that this request gets. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

import type { Content } from "./content.ts";
import { position, type Fault, type FaultKind, type Lane, type LoggedRequest } from "./lane.ts";

/** What is written at a time. */
const PIECE_BYTES = 128 * 1024;
/** Throttled answers come in so many pieces a second. */
const THROTTLED_PIECES = 20;

const HTML_PAGE = "<!doctype html><title>Sign in</title><p>Please sign in to this network.";

export interface Exchange {
  readonly lane: Lane;
  readonly file: string;
  readonly url: URL;
  /** Of both servers. */
  readonly urls: readonly [string, string];
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Answers a request for a file; `content` is null where there is none. */
export async function answerFile(content: Content | null, exchange: Exchange): Promise<void> {
  const { lane, file, url, request, response } = exchange;
  const entry = logRequest(exchange);
  lane.log.push(entry);
  response.on("close", () => {
    entry.cut = !response.writableFinished;
    entry.done = true;
  });
  if (request.method === "OPTIONS") return void finish(entry, response.writeHead(204));
  const bytes = content?.bytes ?? 0;
  const wanted = parseRange(request.headers.range, bytes);
  const faults = new Faults(lane.take({ file, bytes, start: wanted?.start ?? 0, end: wanted?.end ?? bytes }));
  const stall = faults.find("stall");
  if (stall && stall.at === undefined) return;
  const instead = answerInstead(faults, { ...exchange, path: url.pathname });
  if (instead) return void finish(entry, instead);
  if (!content) return void finish(entry, response.writeHead(404), "not here");
  await new FileAnswer({ content, faults, exchange, entry }).send();
}

function logRequest({ file, url, request }: Exchange): LoggedRequest {
  const { method = "GET", headers } = request;
  const origin = `http://${headers.host ?? ""}`;
  const range = headers.range ?? null;
  const answer = { status: 0, start: 0, bytesSent: 0, cut: false, done: false };
  return { method, path: url.pathname, origin, file, range, headers, ...answer };
}

class Faults {
  readonly #faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    this.#faults = faults;
  }

  find<Kind extends FaultKind["kind"]>(kind: Kind): (Fault & { readonly kind: Kind }) | undefined {
    return this.#faults.find((fault): fault is Fault & { readonly kind: Kind } => fault.kind === kind);
  }
}

/** Answers that have nothing of the file. */
function answerInstead(faults: Faults, exchange: Exchange & { readonly path: string }): ServerResponse | null {
  const { response, urls, path } = exchange;
  const status = faults.find("status");
  if (status) {
    if (status.retryAfter !== undefined) response.setHeader("Retry-After", status.retryAfter);
    return response.writeHead(status.status);
  }
  const redirect = faults.find("redirect");
  if (redirect) {
    const origin = redirect.to === "other-origin" ? urls[1] : urls[0];
    return response.writeHead(302, { Location: `${origin}${path}` });
  }
  if (!faults.find("html")) return null;
  response.setHeader("Content-Type", "text/html");
  response.write(HTML_PAGE);
  return response;
}

function finish(entry: LoggedRequest, response: ServerResponse, body = ""): void {
  entry.status = response.statusCode;
  response.end(body);
}

/** @returns `null` without a range; one outside of the file is empty. */
function parseRange(
  header: string | undefined,
  bytes: number,
): { readonly start: number; readonly end: number } | null {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? "");
  if (!match) return null;
  const start = Number(match[1]);
  return { start, end: Math.max(start, Math.min(bytes, match[2] ? Number(match[2]) + 1 : bytes)) };
}

interface AnswerParts {
  readonly content: Content;
  readonly faults: Faults;
  readonly exchange: Exchange;
  readonly entry: LoggedRequest;
}

/** A file on its way. */
class FileAnswer {
  readonly #content: Content;
  readonly #faults: Faults;
  readonly #lane: Lane;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #entry: LoggedRequest;
  readonly #gone: Promise<void>;
  /** Of the file with its faults. */
  readonly #bytes: number;
  readonly #chunkBytes: number;
  readonly #chunkMs: number;

  constructor({ content, faults, exchange, entry }: AnswerParts) {
    this.#content = content;
    this.#faults = faults;
    this.#lane = exchange.lane;
    this.#request = exchange.request;
    this.#response = exchange.response;
    this.#entry = entry;
    this.#gone = new Promise((gone) => void exchange.response.on("close", gone));
    this.#bytes = content.bytes - (faults.find("short")?.bytes ?? 0) + (faults.find("long")?.bytes ?? 0);
    const rate = faults.find("throttle")?.bytesPerSecond;
    this.#chunkBytes = rate ? Math.min(PIECE_BYTES, Math.ceil(rate / THROTTLED_PIECES)) : PIECE_BYTES;
    this.#chunkMs = rate ? (this.#chunkBytes / rate) * 1000 : 0;
  }

  async send(): Promise<void> {
    const range = this.#faults.find("ignore-range") ? null : parseRange(this.#request.headers.range, this.#bytes);
    const wrongRange = range && this.#faults.find("wrong-range");
    const { start, end } = wrongRange
      ? { start: wrongRange.start ?? 0, end: this.#bytes }
      : (range ?? { start: 0, end: this.#bytes });
    this.#writeHead(range !== null, start, end);
    if (this.#request.method === "HEAD" || start >= end) return void this.#response.end();
    for (let at = start; at < end && !this.#response.destroyed;) at = await this.#sendPiece(at, end);
    if (!this.#response.destroyed) this.#response.end();
  }

  #writeHead(ranged: boolean, start: number, end: number): void {
    const response = this.#response;
    response.setHeader("ETag", this.#faults.find("etag")?.etag ?? this.#content.etag);
    response.setHeader("Accept-Ranges", this.#faults.find("ignore-range") ? "none" : "bytes");
    response.setHeader(
      "Content-Type",
      this.#entry.file.endsWith(".json") ? "application/json" : "application/octet-stream",
    );
    response.statusCode = ranged ? (start < end ? 206 : 416) : 200;
    const span = start < end ? `${start}-${end - 1}` : "*";
    if (ranged) response.setHeader("Content-Range", `bytes ${span}/${this.#bytes}`);
    if (this.#faults.find("cut")?.clean) {
      // Neither a length nor chunks: the end of the connection is the end of the body.
      response.removeHeader("Transfer-Encoding");
      response.setHeader("Connection", "close");
    } else {
      response.setHeader("Content-Length", end - start);
    }
    response.flushHeaders();
    this.#entry.status = response.statusCode;
    this.#entry.start = start;
  }

  /** @returns The byte after it. */
  async #sendPiece(at: number, end: number): Promise<number> {
    const { bytes } = this.#content;
    const stops = (["cut", "stall", "gate"] as const).flatMap((kind) => {
      const fault = this.#faults.find(kind);
      return fault?.at === undefined ? [] : [{ fault, at: position(fault.at, bytes) }];
    });
    for (const stop of stops) if (stop.at === at) await this.#stop(stop.fault);
    const next = Math.min(end, at + this.#chunkBytes, ...stops.filter((stop) => stop.at > at).map((stop) => stop.at));
    if (this.#response.destroyed || this.#response.writableEnded) return end;
    await this.#write(await this.#read(at, next));
    if (this.#chunkMs > 0) await Promise.race([pause(this.#chunkMs), this.#gone]);
    return next;
  }

  async #stop(fault: Fault): Promise<void> {
    if (fault.kind === "gate") return this.#lane.hold(this.#gone);
    if (fault.kind === "stall") return this.#gone;
    if (fault.kind === "cut" && fault.clean) return void this.#response.end();
    this.#response.destroy();
  }

  async #read(start: number, end: number): Promise<Uint8Array> {
    const piece = new Uint8Array(end - start);
    if (start < this.#content.bytes) piece.set(await this.#content.read(start, Math.min(end, this.#content.bytes)));
    const flip = this.#faults.find("flip");
    const at = flip ? position(flip.at, this.#content.bytes) - start : -1;
    if (at >= 0 && at < piece.length) piece[at]! ^= 1;
    return piece;
  }

  async #write(piece: Uint8Array): Promise<void> {
    const written = new Promise<void>((done) => {
      this.#response.write(piece, (error) => {
        if (!error) this.#entry.bytesSent += piece.length;
        done();
      });
    });
    await Promise.race([written, this.#gone]);
  }
}
