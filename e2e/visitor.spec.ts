/** @file A visitor whose browser has no WebGPU adapter: the page runs on WebAssembly and says so. */
import { expect, test } from "@playwright/test";
import { watchWorkerHeap } from "../bench/heap.ts";
import { DemoPage, MAX_LOAD_HEAP_BYTES, questions } from "./page.ts";

test("finds answers that share no word with the question", async ({ page }) => {
  const demo = new DemoPage(page);
  const origins = new Set<string>();
  page.on("request", (request) => origins.add(new URL(request.url()).origin));
  await demo.open();
  await demo.untilReady();
  await expect(demo.app).toHaveAttribute("data-device", "wasm");
  await expect(page.getByTestId("status")).toContainText("WebGPU");
  for (const { query, answer } of questions.filter(({ suggested }) => suggested)) {
    await demo.ask(query);
    expect(await demo.topIds(3), query).toContain(answer);
  }
  expect([...origins]).toEqual([new URL(page.url()).origin]);
  demo.expectNoFaults();
});

test("can be searched while the library is still being indexed", async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open();
  await demo.untilIndexed(1);
  await demo.ask("stars and planets");
  await expect(demo.results.first()).toBeVisible();
  await demo.untilReady();
  demo.expectNoFaults();
});

test("adds a visitor's own files, as text only, and lists those it cannot read", async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open();
  await demo.untilReady();
  await page.getByTestId("files").setInputFiles([
    {
      name: "notes.html",
      mimeType: "text/html",
      buffer: Buffer.from(
        "<h1>Workshop</h1><p>The lathe chuck key hangs <b>beside</b> the window.</p><script>document.title = 'x'</script>",
      ),
    },
    { name: "photo.txt", mimeType: "text/plain", buffer: Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0, 0, 0, 0]) },
  ]);
  await expect(page.getByTestId("imports")).toContainText("photo.txt");
  await expect(page.getByTestId("imports")).toContainText("notes.html");
  await demo.untilReady();
  await demo.ask("where is the tool for the lathe");
  await expect(demo.results.first()).toContainText("lathe chuck key hangs beside the window");
  await expect(page).not.toHaveTitle("x");
  demo.expectNoFaults();
});

test("works by keyboard alone", async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open();
  await demo.untilReady();
  await page.keyboard.press("/");
  await expect(demo.search).toBeFocused();
  await demo.ask(questions[0]!.query);
  await page.keyboard.press("ArrowDown");
  const first = demo.results.first().getByRole("button");
  await expect(first).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(first).toHaveAttribute("aria-expanded", "true");
  await page.keyboard.press("Escape");
  await expect(demo.search).toHaveValue("");
  demo.expectNoFaults();
});

test("fits a phone without scrolling sideways", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  const demo = new DemoPage(page);
  await demo.open(`?q=${encodeURIComponent(questions[1]!.query)}`);
  await demo.untilReady();
  await expect(demo.results.first()).toBeVisible();
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
});

test("cancels the load and starts again on request", async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open();
  await page.getByTestId("cancel").click();
  await expect(demo.app).toHaveAttribute("data-state", "error");
  await page.getByTestId("retry").click();
  await demo.untilReady();
  demo.expectNoFaults();
});

test("keeps the JS heap under 64 MiB and one block while loading", async ({ page }) => {
  const stopWatching = await watchWorkerHeap(page);
  await new DemoPage(page).open();
  await page.waitForSelector("[data-testid=app][data-load]", { timeout: 240_000 });
  const { usedBytes } = stopWatching();
  expect(usedBytes).toBeGreaterThan(MAX_LOAD_HEAP_BYTES / 10);
  expect(usedBytes).toBeLessThanOrEqual(MAX_LOAD_HEAP_BYTES);
});

test.describe("says what is wrong and what to do", () => {
  for (const [parameters, code] of [
    ["?device=webgpu", "webgpu-unavailable"],
    ["?model=no-such-pack/", "model-not-found"],
    ["?device=toaster", "invalid-input"],
  ] as const) {
    test(`${parameters} → ${code}`, async ({ page }) => {
      const demo = new DemoPage(page);
      await demo.open(parameters);
      await expect(page.getByTestId("error")).toHaveAttribute("data-code", code);
      await expect(demo.app).toHaveAttribute("data-state", "error");
    });
  }
});
