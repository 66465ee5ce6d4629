import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchUrl } from "./fetch-url.ts";
import { MAX_FILE_BYTES } from "./limits.ts";

const ANSWERS: Readonly<Record<string, { status?: number; type: string; length?: number }>> = {
  "/page": { type: "text/html; charset=ISO-8859-1" },
  "/gone": { status: 404, type: "text/html" },
  "/picture": { type: "image/png" },
  "/huge.txt": { type: "text/plain", length: MAX_FILE_BYTES + 1 },
};
let server: Server;
let origin: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === "/broken.txt")
      return void response.writeHead(200, { "content-length": 9 }).write("x", () => response.destroy());
    if (request.url === "/endless.txt") return endless();
    const { status = 200, type, length } = ANSWERS[request.url ?? ""] ?? { type: "text/plain" };
    response.writeHead(status, { "content-type": type, ...(length && { "content-length": length }) });
    if (length) response.flushHeaders();
    else response.end("<p>x</p>");

    /** Says nothing of its length. */
    function endless(): void {
      const megabyte = Buffer.alloc(2 ** 20, "x");
      const send = (): void => void (response.destroyed || response.write(megabyte, send));
      send();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe("fetchUrl", () => {
  it("takes the format and the encoding of the answer", async () => {
    const { content, ...request } = await fetchUrl(` ${origin}/page#part`);
    expect(request).toEqual({ name: `${origin}/page`, format: "html", charset: "ISO-8859-1", title: null });
    expect(await (content as Blob).text()).toBe("<p>x</p>");
  });

  it("says why not", async () => {
    const reason = (url: string): Promise<unknown> =>
      fetchUrl(url).catch((error: unknown) => (error as { reason: string }).reason);
    expect(await reason("file:///etc/passwd")).toBe("url-invalid");
    expect(await reason("javascript:alert(1)")).toBe("url-invalid");
    expect(await reason("no address")).toBe("url-invalid");
    expect(await reason(`${origin.replace("//", "//user:word@")}/page`)).toBe("url-invalid");
    expect(await reason(`${origin}/gone`)).toBe("http-status");
    expect(await reason(`${origin}/picture`)).toBe("not-a-text-type");
    expect(await reason(`${origin}/broken.txt`)).toBe("unreadable");
    // Nothing listens there.
    expect(await reason("http://127.0.0.1:1/")).toBe("url-blocked");
  });

  it("stops at the size limit, announced or not", async () => {
    await expect(fetchUrl(`${origin}/huge.txt`)).rejects.toMatchObject({ reason: "too-large" });
    await expect(fetchUrl(`${origin}/endless.txt`)).rejects.toMatchObject({ reason: "too-large" });
  });

  it("stops when it is aborted", async () => {
    const abort = new AbortController();
    const fetched = fetchUrl(`${origin}/endless.txt`, abort.signal);
    setTimeout(() => abort.abort(new Error("enough")), 5);
    await expect(fetched).rejects.toThrow("enough");
  });
});
