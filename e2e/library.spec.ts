/** @file The built library (`dist/lib`) as its consumers meet it: in a plain script tag, in a bundle, in a compiler. */
import { spawnSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { extname, normalize, resolve } from "node:path";
import { expect, test, type Page } from "@playwright/test";
import { build } from "vite";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** What e2e/consumer/main.ts does, without a bundler. */
const PLAIN_PAGE = `<!doctype html><title>plain page</title><pre id="out"></pre><script type="module">
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
    const body = path === "/" ? Promise.resolve(PLAIN_PAGE) : readFile(`.${path}`);
    const type = path === "/" ? "text/html" : (TYPES[extname(path)] ?? "application/octet-stream");
    body.then(
      (content) => response.writeHead(200, { "content-type": type }).end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});
test.afterAll(() => server.close());

async function expectVectors(page: Page, path: string): Promise<void> {
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  await expect(page.locator("#out")).toHaveText('{"rows":2,"dimensions":128,"length":256}', { timeout: 60_000 });
}

test("has types that a consumer's compiler takes", () => {
  const { status, stdout } = spawnSync("npx", ["tsc", "-p", "e2e/consumer"], { encoding: "utf8" });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

test("embeds from a plain script tag", async ({ page }) => {
  await expectVectors(page, "/");
});

test("embeds from a page that Vite has bundled, worker and WebAssembly included", async ({ page }) => {
  await build({
    root: "e2e/consumer",
    configFile: false,
    logLevel: "error",
    base: "./",
    resolve: { alias: { "strata-embed": resolve("dist/lib/strata-embed.js") } },
    build: { outDir: resolve("dist/consumer"), emptyOutDir: true },
  });
  await expectVectors(page, "/dist/consumer/index.html");
});
