/** @file Tests of both ends of the bridge, over a real message channel and against a real server. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { EmbedError } from "../errors.ts";
import { installErrorTransfer } from "./error-transfer.ts";
import { bridgedFetch, openFetchBridge, type FetchBridge, type PageFetch } from "./fetch-bridge.ts";

/** Several chunks of any connection. */
const BODY = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 251);

let server: Server;
let origin: string;
/** Connections that ended before their answer did, by path. */
let cut: string[] = [];
const bridges: FetchBridge[] = [];

beforeAll(async () => {
  installErrorTransfer();
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return () => server.close();
});

afterEach(() => {
  bridges.splice(0).forEach((bridge) => bridge.close());
  server.closeAllConnections();
  cut = [];
});

function answer(request: IncomingMessage, response: ServerResponse): void {
  // Node's fetch would use a connection again that a test's end has closed.
  response.setHeader("connection", "close");
  response.on("close", () => void (response.writableEnded || cut.push(request.url!)));
  const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
  switch (request.url) {
    case "/body":
      response.writeHead(start ? 206 : 200, { etag: '"v1"', "x-seen": request.headers.authorization ?? "" });
      response.end(BODY.subarray(Number(start ?? 0)));
      return;
    case "/moved":
      response.writeHead(302, { location: "/body" }).end();
      return;
    case "/breaks":
      response.writeHead(200, { "content-length": 100 });
      response.write("half", () => response.destroy());
      return;
    case "/hangs":
      response.writeHead(200).write("first");
      return;
    case "/silent":
      return;
    default:
      response.writeHead(request.url === "/empty" ? 204 : 404).end();
  }
}

/** The worker's fetch, through a page's. */
function bridged(pageFetch: PageFetch = fetch): typeof fetch {
  const bridge = openFetchBridge(pageFetch);
  bridges.push(bridge);
  return bridgedFetch(bridge.port);
}

function failure(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => expect.fail("the call resolved"),
    (error: Error) => error,
  );
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

describe("bridgedFetch", () => {
  it("gives the page's answer: status, headers, address and every byte", async () => {
    const response = await bridged()(`${origin}/moved`);
    expect(response).toBeInstanceOf(Response);
    expect(response).toMatchObject({ status: 200, ok: true, url: `${origin}/body`, redirected: true });
    expect(response.headers.get("etag")).toBe('"v1"');
    expect((await bytesOf(response)).equals(BODY)).toBe(true);
  });

  it("passes on headers, and what the page adds to them", async () => {
    const workerFetch = bridged((url, init) =>
      fetch(url, { ...init, headers: { ...init.headers, authorization: "Bearer fresh" } }),
    );
    const response = await workerFetch(new URL("/body", origin), { headers: { Range: "bytes=2999998-" } });
    expect(response.status).toBe(206);
    expect(response.headers.get("x-seen")).toBe("Bearer fresh");
    expect([...(await bytesOf(response))]).toEqual([...BODY.subarray(2_999_998)]);
  });

  it("fills a reader's own memory", async () => {
    const { body } = await bridged()(`${origin}/body`);
    const reader = body!.getReader({ mode: "byob" });
    const chunks: Buffer[] = [];
    for (let memory = new ArrayBuffer(1_000_003); ;) {
      const { done, value } = await reader.read(new Uint8Array(memory));
      if (done) break;
      chunks.push(Buffer.from(value));
      memory = value.buffer;
    }
    expect(Buffer.concat(chunks).equals(BODY)).toBe(true);
  });

  it("serves several requests at once", async () => {
    const workerFetch = bridged();
    const starts = [0, 1_000_000, 2_999_999];
    const bodies = starts.map(async (start) =>
      bytesOf(await workerFetch(`${origin}/body`, { headers: { Range: `bytes=${start}-` } })),
    );
    expect((await Promise.all(bodies)).map(({ byteLength }) => byteLength)).toEqual([3_000_000, 2_000_000, 1]);
  });

  it("gives answers without a body and refusals as they are", async () => {
    const workerFetch = bridged();
    expect(await workerFetch(`${origin}/empty`)).toMatchObject({ status: 204, body: null });
    expect(await workerFetch(`${origin}/nowhere`)).toMatchObject({ status: 404, ok: false });
  });

  it("takes an answer that the page made itself, and leaves its memory alone", async () => {
    const bytes = new Uint8Array([9, 1, 2, 9]);
    const pageFetch: PageFetch = async () =>
      new Response(
        new ReadableStream({
          start(controller) {
            for (const chunk of [bytes.subarray(1, 2), new Uint8Array(0), bytes.subarray(2, 3)]) {
              controller.enqueue(chunk);
            }
            controller.close();
          },
        }),
      );
    expect([...(await bytesOf(await bridged(pageFetch)(`${origin}/any`)))]).toEqual([1, 2]);
    expect([...bytes]).toEqual([9, 1, 2, 9]);
  });

  it("rejects as the page's function does", async () => {
    const refusing = bridged(() =>
      Promise.reject(new EmbedError("model-not-found", "not here", { details: { a: 1 } })),
    );
    expect(await failure(refusing(origin))).toMatchObject({ code: "model-not-found", details: { a: 1 } });
    const throwing = bridged(() => {
      throw new TypeError("Failed to fetch");
    });
    expect(await failure(throwing(origin))).toMatchObject({ name: "TypeError", message: "Failed to fetch" });
  });

  it("fails the body when the connection breaks", async () => {
    const response = await bridged()(`${origin}/breaks`);
    expect(response.status).toBe(200);
    expect(await failure(response.arrayBuffer())).toBeInstanceOf(Error);
  });

  it("rejects at once when cancelled before the answer, and calls the page's request off", async () => {
    const signals: (AbortSignal | null | undefined)[] = [];
    const workerFetch = bridged((url, init) => (signals.push(init.signal), fetch(url, init)));
    const controller = new AbortController();
    const call = failure(workerFetch(`${origin}/silent`, { signal: controller.signal }));
    await expect.poll(() => signals.length).toBe(1);
    controller.abort("enough");
    expect(await call).toBe("enough");
    await expect.poll(() => cut).toEqual(["/silent"]);
    expect(await failure(workerFetch(origin, { signal: controller.signal }))).toBe("enough");
    expect(signals).toHaveLength(1);
  });

  it("fails the body when cancelled in the middle, and ends the connection", async () => {
    const controller = new AbortController();
    const { body } = await bridged()(`${origin}/hangs`, { signal: controller.signal });
    const reader = body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("first");
    const next = failure(reader.read());
    controller.abort("enough");
    expect(await next).toBe("enough");
    await expect.poll(() => cut).toEqual(["/hangs"]);
  });

  it("ends the connection when the reader loses interest", async () => {
    const { body } = await bridged()(`${origin}/hangs`);
    await body!.cancel();
    await expect.poll(() => cut).toEqual(["/hangs"]);
  });

  it("closes the body of a function that does not honour the signal", async () => {
    let cancelled = 0;
    let give: (response: Response) => void = () => {};
    const workerFetch = bridged(() => new Promise((resolve) => (give = resolve)));
    const controller = new AbortController();
    const call = failure(workerFetch(origin, { signal: controller.signal }));
    const asked = give;
    await expect.poll(() => give !== asked).toBe(true);
    controller.abort("enough");
    await call;
    // After the cancellation, which is on its way on the same port.
    await new Promise((resolve) => setImmediate(resolve));
    give(new Response(new ReadableStream({ cancel: () => void cancelled++ })));
    await expect.poll(() => cancelled).toBe(1);
  });
});

describe("openFetchBridge", () => {
  it("ends every connection when it is closed, as its worker no longer can", async () => {
    const workerFetch = bridged();
    await workerFetch(`${origin}/hangs`);
    void workerFetch(`${origin}/silent`);
    await new Promise<void>((resolve) => server.once("request", () => resolve()));
    bridges.splice(0).forEach((bridge) => bridge.close());
    await expect.poll(() => cut.toSorted()).toEqual(["/hangs", "/silent"]);
  });
});
