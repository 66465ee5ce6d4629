/** @file WebGPU forced, and taken away: on software here (`?device=webgpu`), on the real adapter in f16 with `STRATA_GPU=1`. */
import { chromium, expect, test } from "@playwright/test";
import { realGpu } from "../tools/chromium.mjs";
import { watchWorkerHeap } from "../bench/heap.ts";
import { DemoPage, MAX_LOAD_HEAP_BYTES, passages, questions } from "./page.ts";

/** Software WebGPU indexes some two passages a second: enough of them for a few questions, not all. */
const INDEXED = realGpu ? passages.length : 48;

test("indexes and searches on WebGPU", async ({ page }) => {
  test.setTimeout(600_000);
  const demo = new DemoPage(page);
  const stopWatching = await watchWorkerHeap(page);
  await demo.openEmpty(realGpu ? "?device=webgpu&activations=f16" : "?device=webgpu");
  await demo.bringPassages(INDEXED);
  await page.waitForSelector("[data-testid=app][data-load]", { timeout: 240_000 });
  expect(stopWatching().usedBytes).toBeLessThanOrEqual(MAX_LOAD_HEAP_BYTES);
  await demo.untilIndexed(INDEXED);
  await expect(demo.app).toHaveAttribute("data-device", "webgpu");
  await expect(demo.app).toHaveAttribute("data-activations", realGpu ? "f16" : "f32");
  const titles = new Map(passages.slice(0, INDEXED).map(({ id, title }) => [id, title]));
  const answerable = questions.filter(({ answer }) => titles.has(answer)).slice(0, 3);
  expect(answerable.length).toBeGreaterThan(0);
  for (const { query, answer } of answerable) {
    await demo.ask(query);
    expect(await demo.topTitles(3), query).toContain(titles.get(answer));
  }
  demo.expectNoFaults();
});

test("goes on after a crash of the GPU process, with nothing lost", async ({ launchOptions, baseURL }) => {
  test.setTimeout(600_000);
  // A browser of its own: a GPU process that crashed once counts against all its pages.
  const browser = await chromium.launch(launchOptions);
  try {
    const page = await browser.newPage({ baseURL: baseURL! });
    const demo = new DemoPage(page);
    await demo.openEmpty("?device=webgpu");
    await demo.bringPassages(INDEXED);
    await demo.untilIndexed(8);
    const before = Number(await demo.app.getAttribute("data-indexed"));
    const session = await browser.newBrowserCDPSession();
    // The answer never comes: the command takes down who would give it.
    void session.send("Browser.crashGpuProcess").catch(() => undefined);
    await expect(demo.app).toHaveAttribute("data-state", "recovering", { timeout: 60_000 });
    await expect(page.getByTestId("recovery")).toBeVisible();
    const { query } = questions[0]!;
    await demo.search.fill(query);
    await expect(page.getByTestId("results")).toHaveAttribute("data-query", query, { timeout: 240_000 });
    await demo.untilIndexed(before + 8);
    await expect(demo.app).toHaveAttribute("data-device", "webgpu");
    await expect(page.getByTestId("status-recoveries")).toContainText("1;");
  } finally {
    await browser.close();
  }
});
