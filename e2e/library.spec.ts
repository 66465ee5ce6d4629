/** @file The built library (`dist/lib`) as its consumers meet it: in a plain script tag, in a bundle, in a compiler. */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, test, type Page } from "@playwright/test";
import { build } from "vite";
import { servePlainPage } from "./plain-site.ts";

/** What e2e/consumer/main.ts does, without a bundler. */
const PLAIN_PAGE = `<!doctype html><title>plain page</title><pre id="out"></pre><script type="module">
  import { createEmbedder } from "./dist/lib/strata-embed.js";
  const embedder = await createEmbedder({ model: "./public/models/nano-q4/", device: "wasm" });
  const { data, rows, dimensions } = await embedder.embedDocuments(["one text", "another"], { dimensions: 128 });
  document.querySelector("#out").textContent = JSON.stringify({ rows, dimensions, length: data.length });
  embedder.dispose();
</script>`;

let site: Awaited<ReturnType<typeof servePlainPage>>;
test.beforeAll(async () => {
  site = await servePlainPage(PLAIN_PAGE);
});
test.afterAll(() => site.server.close());

async function expectVectors(page: Page, path: string): Promise<void> {
  await page.goto(`${site.url}${path}`);
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
