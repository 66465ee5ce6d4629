/** @file A hub on loopback for tests: its API, small files, and large ones on another origin, the fault server's. */
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type FaultServer, startFaultServer } from "../fault-server.ts";

type Headers = Readonly<Record<string, string>>;

/** An answer instead of the right one. */
export interface Refusal {
  readonly path: string;
  readonly status: number;
  readonly headers?: Headers;
}

/** A request to the hub's own origin. */
export interface SeenRequest {
  readonly path: string;
  readonly authorization: string | undefined;
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const gitHash = (bytes: Buffer) => createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
const isLarge = (name: string) => /\.(safetensors|gguf)$/.test(name);

/** The one repository. */
export const REPO = "acme/stress";

export class HubImitation {
  readonly requests: SeenRequest[] = [];
  /** Each is used up by the next request for its path. */
  readonly refusals: Refusal[] = [];
  readonly branches = new Map<string, string>();
  /** Entries that every listing has besides. */
  extraEntries: readonly unknown[] = [];
  /** Of the listing. */
  pageEntries = 2;
  /** Without it every request is refused. */
  token: string | null = null;
  /** Where large files are: a commit is a pack there. */
  readonly storage: FaultServer;
  #endpoint = "";
  readonly #commits = new Map<string, ReadonlyMap<string, Buffer>>();
  readonly #server = createServer((request, response) => {
    const { authorization } = request.headers;
    this.requests.push({ path: request.url ?? "", authorization });
    if (this.token !== null && authorization !== `Bearer ${this.token}`) return refuse(response, 401);
    this.#answer(new URL(request.url ?? "", "http://hub"), response);
  });

  private constructor(storage: FaultServer) {
    this.storage = storage;
  }

  static async start(): Promise<HubImitation> {
    const hub = new HubImitation(await startFaultServer({ root: null }));
    await new Promise<void>((listening) => hub.#server.listen(0, "127.0.0.1", listening));
    hub.#endpoint = `http://127.0.0.1:${(hub.#server.address() as AddressInfo).port}`;
    return hub;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
    await this.storage.close();
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  addCommit(commit: string, files: ReadonlyMap<string, Buffer>): void {
    this.#commits.set(commit, files);
    this.storage.addPack(commit, files);
  }

  #answer({ pathname, searchParams }: URL, response: ServerResponse): void {
    const refusal = this.refusals.findIndex(({ path }) => path === pathname);
    if (refusal >= 0) {
      const { status, headers } = this.refusals.splice(refusal, 1)[0]!;
      return refuse(response, status, headers);
    }
    const [, kind, revision = ""] = new RegExp(`^/api/models/${REPO}/(revision|tree)/([^/]+)$`).exec(pathname) ?? [];
    if (kind === undefined) return this.#answerFile(pathname, response);
    const name = decodeURIComponent(revision);
    const commit = this.branches.get(name) ?? name;
    const files = this.#commits.get(commit);
    if (!files) return refuse(response, 404);
    if (kind === "revision") return sendJson(response, { id: REPO, sha: commit });
    const entries = [...describeEntries(files), ...this.extraEntries];
    const at = Number(searchParams.get("cursor") ?? 0);
    const end = at + this.pageEntries;
    // The link is the real hub's: mirrors pass it on.
    const link = `<https://hub.invalid${pathname}?cursor=${end}>; rel="next"`;
    sendJson(response, entries.slice(at, end), end < entries.length ? { link } : {});
  }

  #answerFile(path: string, response: ServerResponse): void {
    const [, commit = "", name = ""] = new RegExp(`^/${REPO}/resolve/(\\w+)/(.+)$`).exec(path) ?? [];
    const bytes = this.#commits.get(commit)?.get(name);
    if (!bytes) return refuse(response, 404);
    if (!isLarge(name)) return void response.writeHead(200, { etag: `"${gitHash(bytes)}"` }).end(bytes);
    const location = `${this.storage.url}/x/${commit}/${name}?signature=secret`;
    response.writeHead(302, { location }).end();
  }
}

function describeEntries(files: ReadonlyMap<string, Buffer>): object[] {
  const folder = { type: "directory", path: "1_Pooling", size: 0, oid: "0".repeat(40) };
  const nested = { ...folder, type: "file", path: "1_Pooling/config.json" };
  const described = [...files].map(([path, bytes]) => {
    const lfs = { oid: sha256(bytes), size: bytes.length, pointerSize: 134 };
    return { type: "file", path, size: bytes.length, oid: gitHash(bytes), ...(isLarge(path) && { lfs }) };
  });
  return [folder, nested, ...described];
}

function refuse(response: ServerResponse, status: number, headers: Headers = {}): void {
  response.writeHead(status, headers).end("refused");
}

function sendJson(response: ServerResponse, value: unknown, headers: Headers = {}): void {
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}
