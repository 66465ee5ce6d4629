/** @file What a visitor fetches before the engine: little, and enough to read, add and search by words. */
import { gzipSync } from "node:zlib";
import { expect, test } from "@playwright/test";
import { DemoPage } from "./page.ts";

/** Compressed JavaScript, the search worker's included, until the worker of the model is asked for. */
const MAX_SHELL_BYTES = 300_000;
const ENGINE = /embed[.]worker/;

test("is small, paints without a model, and finds words without one", async ({ page }) => {
  let shellBytes = 0;
  let engineIsAsked = false;
  await page.route("**/*", async (route) => {
    const url = route.request().url();
    engineIsAsked ||= ENGINE.test(url);
    // Neither the model nor what runs it ever comes.
    if (engineIsAsked && (ENGINE.test(url) || url.includes("/models/"))) return;
    const response = await route.fetch();
    const body = await response.body();
    if (!engineIsAsked && /javascript/.test(response.headers()["content-type"] ?? "")) {
      shellBytes += gzipSync(body).length;
    }
    await route.fulfill({ response, body });
  });
  const demo = new DemoPage(page);
  await demo.open();
  await expect(demo.search).toBeVisible();
  await expect.poll(() => page.evaluate(() => performance.getEntriesByName("first-contentful-paint").length)).toBe(1);
  await demo.untilSearchable();
  await demo.ask("emperor penguins", "lexical");
  await expect(demo.results.first()).toContainText("penguins");
  await expect(page.getByTestId("badge")).toContainText("Words only");
  console.log(`compressed JavaScript before the engine: ${(shellBytes / 1000).toFixed(0)} kB`);
  expect(shellBytes).toBeGreaterThan(10_000);
  expect(shellBytes).toBeLessThan(MAX_SHELL_BYTES);
  await expect(demo.app).toHaveAttribute("data-state", "loading");
});
