/** @file The built library in a page without a bundler: `<script type="module">` and the files of `dist/lib`. */
import { spawnSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { extname, normalize } from "node:path";
import { expect, test } from "@playwright/test";

const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".wasm": "application/wasm" };

const PAGE = `<!doctype html><title>plain page</title><pre id="out"></pre><script type="module">
  import { createEmbedder } from "./dist/lib/strata-embed.js";
  const embedder = await createEmbedder({ model: "./public/models/nano-q4/", device: "wasm" });
  const { data, rows, dimensions } = await embedder.embedDocuments(["one text", "another"], { dimensions: 128 });
  document.querySelector("#out").textContent = JSON.stringify({ rows, dimensions, length: data.length });
  embedder.dispose();
</script>`;

let server: Server;
test.beforeAll(async () => {
  server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
    const body = path === "/" ? Promise.resolve(PAGE) : readFile(`.${path}`);
    const type = path === "/" ? "text/html" : (TYPES[extname(path)] ?? "application/octet-stream");
    body.then(
      (content) => response.writeHead(200, { "content-type": type }).end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});
test.afterAll(() => server.close());

test("has types that a consumer's compiler takes", () => {
  const { status, stdout } = spawnSync("npx", ["tsc", "-p", "e2e/consumer"], { encoding: "utf8" });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

test("embeds from a plain script tag", async ({ page }) => {
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await expect(page.locator("#out")).toHaveText('{"rows":2,"dimensions":128,"length":256}', { timeout: 60_000 });
});
