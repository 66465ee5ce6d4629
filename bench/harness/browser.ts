/** @file Vite's server and Chromium for benchmarks. */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "@playwright/test";
import { createServer, type Plugin } from "vite";
import type { AdapterFacts } from "../../src/types.ts";
import { chromiumArgs, findChromium } from "../../tools/chromium.mjs";

/**
 * Serves the repository while the task runs.
 *
 * @param options - `pages`: HTML files, by their path in the repository.
 */
export async function withServer<T>(
  options: { readonly pages: readonly string[]; readonly plugins: readonly Plugin[] },
  task: (url: string) => Promise<T>,
): Promise<T> {
  const server = await createServer({
    plugins: [...options.plugins],
    logLevel: "warn",
    optimizeDeps: { entries: [...options.pages] },
    // A run takes minutes: the page must not reload because a file was saved.
    server: { host: "127.0.0.1", port: 0, hmr: false, watch: null },
  });
  await server.listen();
  try {
    return await task(server.resolvedUrls!.local[0]!);
  } finally {
    await server.close();
  }
}

/** A browser of its own while the task runs: nothing is compiled or cached yet. */
export async function withBrowser<T>(task: (browser: Browser) => Promise<T>): Promise<T> {
  const executablePath = findChromium();
  const browser = await chromium.launch({ args: chromiumArgs, ...(executablePath ? { executablePath } : {}) });
  try {
    return await task(browser);
  } finally {
    await browser.close();
  }
}

/**
 * A page in a browser with a profile on the disk, empty at first: what a private context stores, it keeps in memory.
 *
 * @param at - As of `inPage`.
 */
export async function inProfile<T>(
  at: { readonly url: string; readonly ready: string },
  task: (page: Page) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "strata-profile-"));
  const executablePath = findChromium();
  const options = { args: chromiumArgs, ...(executablePath ? { executablePath } : {}) };
  const context = await chromium.launchPersistentContext(folder, options);
  try {
    const page = await context.newPage();
    page.on("pageerror", (error) => note(`page: ${error.message}`));
    await page.goto(at.url);
    await page.waitForFunction((name) => name in globalThis, at.ready);
    return await task(page);
  } finally {
    await context.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/**
 * A page in a browser context of its own: no budget may remember what another one bore.
 *
 * @param at - `ready`: the global by which the page shows that its script has run; `onPage`: before it loads.
 */
export async function inPage<T>(
  browser: Browser,
  at: { readonly url: string; readonly ready: string; readonly onPage?: (page: Page) => Promise<void> },
  task: (page: Page) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on("pageerror", (error) => note(`page: ${error.message}`));
  await at.onPage?.(page);
  try {
    await page.goto(at.url);
    await page.waitForFunction((name) => name in globalThis, at.ready);
    return await task(page);
  } finally {
    await context.close();
  }
}

/** A line for whoever waits; results go to standard output. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Where it was measured. @param adapter - `null`: none, or not used */
export function describeMachine(version: string, adapter: AdapterFacts | null): string {
  const { vendor, architecture, description } = adapter ?? {};
  const gpu = [vendor, architecture, description].filter(Boolean).join(" ") || "no adapter";
  return `Chromium ${version}, ${gpu}, ${cpus().length} × ${cpus()[0]?.model}`;
}
