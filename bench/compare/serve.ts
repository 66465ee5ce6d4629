/** @file A server of folders on loopback, as a site would be set up: caching by validators, ranges, threads allowed. */
import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, sep } from "node:path";

/** A folder of the disk under a path of the server. */
export interface Mount {
  readonly folder: string;
  /** Contents of files that stand in for the folder's, by name. @default {} */
  readonly instead?: Readonly<Record<string, string>>;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** ONNX Runtime uses threads where the page is isolated; the contenders decide for themselves. */
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export interface ServeOptions {
  readonly port?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where whoever asks for `/` is sent, relative to it. @default nowhere */
  readonly home?: string;
}

/**
 * Serves while the task runs.
 *
 * @param mounts - By path, with a slash at both ends; the longest that fits counts.
 * @param task - Gets the server's URL, with a slash at its end.
 * @param options - `port`: any free one by default; `headers`: of every answer, beside those that isolate.
 */
export async function withFolders<T>(
  mounts: Readonly<Record<string, Mount>>,
  task: (url: string) => Promise<T>,
  { port = 0, headers = {}, home }: ServeOptions = {},
): Promise<T> {
  const server = createServer((request, response) => {
    response.setHeaders(new Map(Object.entries(headers)));
    if (home && request.url === "/") return void response.writeHead(302, { Location: home }).end();
    answer(mounts, request, response);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  try {
    return await task(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function answer(
  mounts: Readonly<Record<string, Mount>>,
  { url = "/", headers, method }: IncomingMessage,
  response: ServerResponse,
): void {
  const path = decodeURIComponent(new URL(url, "http://bench").pathname);
  const paths = Object.keys(mounts).filter((mount) => path.startsWith(mount));
  const mount = paths.sort((a, b) => b.length - a.length)[0];
  const name = path.slice(mount?.length ?? 0);
  if (mount === undefined || name.split(/[/\\]/).includes("..")) return void response.writeHead(404).end();
  const { folder, instead = {} } = mounts[mount]!;
  const type = TYPES[extname(name)] ?? "application/octet-stream";
  response.setHeaders(new Map(Object.entries({ ...ISOLATION, "Content-Type": type, "Accept-Ranges": "bytes" })));
  const text = instead[name];
  if (text !== undefined) {
    response.writeHead(200, { "Content-Length": Buffer.byteLength(text), "Cache-Control": "no-cache" });
    return void response.end(method === "HEAD" ? undefined : text);
  }
  sendFile(join(folder, ...name.split(sep)), { headers, method }, response);
}

function sendFile(
  path: string,
  { headers, method }: Pick<IncomingMessage, "headers" | "method">,
  response: ServerResponse,
): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) return void response.writeHead(404).end();
  const tag = `"${stat.size.toString(36)}-${Math.round(stat.mtimeMs).toString(36)}"`;
  response.setHeader("ETag", tag);
  // Vite's assets carry a hash in their names; pages and models are asked about each time.
  const hashed = path.includes(`${sep}assets${sep}`);
  response.setHeader("Cache-Control", hashed ? "max-age=31536000, immutable" : "no-cache");
  if (headers["if-none-match"] === tag) return void response.writeHead(304).end();
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "");
  const start = range ? Number(range[1]) : 0;
  const end = range?.[2] ? Math.min(Number(range[2]), stat.size - 1) : stat.size - 1;
  if (range && start > end) return void response.writeHead(416, { "Content-Range": `bytes */${stat.size}` }).end();
  if (range) response.setHeader("Content-Range", `bytes ${start}-${end}/${stat.size}`);
  response.writeHead(range ? 206 : 200, { "Content-Length": end - start + 1 });
  if (method === "HEAD" || stat.size === 0) return void response.end();
  const body = createReadStream(path, { start, end });
  body.on("error", () => response.destroy());
  response.on("close", () => body.destroy());
  body.pipe(response);
}
