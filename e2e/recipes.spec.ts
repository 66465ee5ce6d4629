/** @file The README's recipes, built as a reader would build them: with the packed library in `node_modules`, and opened. */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, resolve } from "node:path";
import { expect, test, type Page } from "@playwright/test";

const RECIPES = "e2e/recipes";

/** Below the repository, whose `node_modules` holds the bundlers. */
const WORK = "dist/recipes";

/** As npm packs the library. */
const PACKED = ["package.json", "dist/lib"];

/** `output`: the folder that is put on a server. */
const BUNDLERS = [
  { name: "vite", command: ["vite", "build"], output: "dist" },
  { name: "webpack", command: ["webpack"], output: "public" },
  { name: "next", command: ["next", "build"], output: "out" },
] as const;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** What a reader copies: settings of npm stand in the text. */
const SHOWN = /\.(html|jsx?|mjs)$/;
const SHOWN_BLOCK = /<!-- (e2e\/recipes\/\S+) -->\s+```\w*\n([^]*?)```/g;

/** Serves a folder; models come from the repository, where a reader puts a copy into the folder. */
async function serveFolder(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname).replace(/\/$/, "/index.html");
    readFile(join(path.startsWith("/models/") ? "public" : folder, path)).then(
      (body) =>
        response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

async function expectHit(page: Page, folder: string): Promise<void> {
  const server = await serveFolder(folder);
  try {
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await expect(page.locator("#hit")).toHaveText("Granite cools slowly, deep below the ground.", { timeout: 60_000 });
  } finally {
    server.close();
  }
}

// The folder they work in is made once.
test.describe.configure({ mode: "serial" });

test.beforeAll(() => {
  rmSync(WORK, { recursive: true, force: true });
  cpSync(RECIPES, WORK, { recursive: true });
  for (const path of PACKED) cpSync(path, join(WORK, "node_modules/strata-embed", path), { recursive: true });
  // Or Next would take the repository's tsconfig.json, which has JSX made for Preact, for the project's.
  writeFileSync(join(WORK, "next/jsconfig.json"), "{}");
});

// Four copies of ONNX Runtime, some with their maps.
test.afterAll(() => rmSync(WORK, { recursive: true, force: true }));

test("a plain page finds the passage that means what was asked", async ({ page }) => {
  const folder = join(WORK, "plain");
  cpSync("dist/lib", join(folder, "strata-embed"), { recursive: true });
  await expectHit(page, folder);
});

for (const { name, command, output } of BUNDLERS) {
  test(`a page built with ${name} finds the passage that means what was asked`, async ({ page }) => {
    const cwd = join(WORK, name);
    const [program, ...parameters] = command;
    const env = { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" } as const;
    const built = spawnSync(resolve("node_modules/.bin", program), parameters, { cwd, env, encoding: "utf8" });
    expect(built.status, `${built.stdout}\n${built.stderr}`).toBe(0);
    await expectHit(page, join(cwd, output));
  });
}

test("the README shows every recipe as it is tested", () => {
  const readme = readFileSync("README.md", "utf8");
  const shown = new Map([...readme.matchAll(SHOWN_BLOCK)].map(([, path, text]) => [path!, text!]));
  for (const [path, text] of shown) expect(text, path).toBe(readFileSync(path, "utf8"));
  const files = readdirSync(RECIPES, { recursive: true, encoding: "utf8" }).filter((path) => SHOWN.test(path));
  for (const path of files) {
    // Some are the same for two bundlers, and shown once.
    expect([...shown.values()], path).toContain(readFileSync(join(RECIPES, path), "utf8"));
  }
});
