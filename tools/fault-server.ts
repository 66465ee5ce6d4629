/** @file A server of packs on loopback that misbehaves on demand, for tests in Node, in Chromium and of the demo. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { json } from "node:stream/consumers";

import { answerFile } from "./fault-server/answer.ts";
import { openContent } from "./fault-server/content.ts";
import { Lane, type Fault, type LoggedRequest } from "./fault-server/lane.ts";

export type { Fault, LoggedRequest } from "./fault-server/lane.ts";

/** File names and their bytes. */
export type PackContents = ReadonlyMap<string, Uint8Array>;

export interface FaultServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** Another origin with the same content. */
  readonly otherUrl: string;
  /** Serves a pack out of memory, in every lane. */
  addPack(name: string, contents: PackContents): void;
  addFaults(lane: string, faults: readonly Fault[]): void;
  log(lane: string): readonly LoggedRequest[];
  /** Resolves when a request of the lane is held at a gate. */
  held(lane: string): Promise<void>;
  /** Lets through what is held, and all that comes. */
  openGates(lane: string): void;
  clear(lane: string): void;
  close(): Promise<void>;
}

/** Scripts of other origins see what a hub shows them. */
const CORS_HEADERS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers": "Authorization, X-Test, Content-Type",
  "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE, OPTIONS",
  "Access-Control-Expose-Headers": "ETag, Content-Range, Retry-After, Accept-Ranges",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/**
 * Serves `/<lane>/<pack>/<file>`, and as a hub does `/<lane>/<owner>/<pack>/resolve/<revision>/<file>`, from memory or
 * from folders under `root`. A lane is any name: tests with lanes of their own do not disturb each other.
 *
 * Control, besides the methods: `POST /<lane>/faults` with a list of faults, `GET /<lane>/log`, `GET /<lane>/held`,
 * `POST /<lane>/open`, `DELETE /<lane>`.
 *
 * @param options - `root`: folder of pack folders; `null` for memory alone.
 */
export async function startFaultServer(options: { readonly root: string | null }): Promise<FaultServer> {
  const site = new Site(options.root === null ? null : resolve(options.root));
  const servers = [site.createServer(), site.createServer()] as const;
  const [url, otherUrl] = await Promise.all([listen(servers[0]), listen(servers[1])]);
  site.urls = [url, otherUrl];
  return {
    url,
    otherUrl,
    addPack: (name, contents) => void site.packs.set(name, contents),
    addFaults: (lane, faults) => site.lane(lane).faults.push(...faults.map((fault) => ({ fault, seen: 0 }))),
    log: (lane) => site.lane(lane).log,
    held: (lane) => site.lane(lane).held(),
    openGates: (lane) => site.lane(lane).openGates(),
    clear: (lane) => site.clear(lane),
    close: async () => {
      await Promise.all(servers.map(close));
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
}

class Site {
  readonly packs = new Map<string, PackContents>();
  urls: readonly [string, string] = ["", ""];
  readonly #root: string | null;
  readonly #lanes = new Map<string, Lane>();

  constructor(root: string | null) {
    this.#root = root;
  }

  lane(name: string): Lane {
    const lane = this.#lanes.get(name) ?? new Lane();
    this.#lanes.set(name, lane);
    return lane;
  }

  clear(name: string): void {
    this.#lanes.get(name)?.openGates();
    this.#lanes.delete(name);
  }

  createServer(): Server {
    return createServer((request, response) => {
      for (const [header, value] of Object.entries(CORS_HEADERS)) response.setHeader(header, value);
      this.#answer(request, response).catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else response.writeHead(500).end(String(error));
      });
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.urls[0]);
    const [laneName = "", ...path] = url.pathname.slice(1).split("/").map(decodeURIComponent);
    if (request.method === "OPTIONS" && path.length < 2) return void response.writeHead(204).end();
    if (path.length < 2) return this.#control(laneName, path[0] ?? "", { request, response });
    const lane = this.lane(laneName);
    const [pack, file] = locate(path);
    const content = await openContent({ packs: this.packs, root: this.#root }, pack, file);
    try {
      await answerFile(content, { lane, file, url, urls: this.urls, request, response });
    } finally {
      await content?.close();
    }
  }

  async #control(name: string, verb: string, { request, response }: Exchange): Promise<void> {
    const lane = this.lane(name);
    switch (`${request.method} ${verb}`) {
      case "POST faults":
        lane.faults.push(...((await json(request)) as Fault[]).map((fault) => ({ fault, seen: 0 })));
        break;
      case "GET log":
        response.setHeader("Content-Type", "application/json");
        response.end(JSON.stringify(lane.log));
        return;
      case "GET held":
        await lane.held();
        break;
      case "POST open":
        lane.openGates();
        break;
      case "DELETE ":
        this.clear(name);
        break;
      default:
        response.statusCode = 404;
    }
    response.end();
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A hub's path names the repository before `resolve`, and a revision after it. */
function locate(path: readonly string[]): [pack: string, file: string] {
  const mark = path.indexOf("resolve");
  const [pack, rest] = mark > 0 ? [path[mark - 1], path.slice(mark + 2)] : [path[0], path.slice(1)];
  return [pack ?? "", rest.join("/")];
}
