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

test("finds words before the model is there, and meaning as soon as it is", async ({ page }) => {
  const demo = new DemoPage(page);
  let isHeld = true;
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/models/nano-q4/layer-03.bin", async (route) => {
    if (isHeld) await held;
    await route.continue();
  });
  await demo.open();
  await demo.untilSearchable();
  await demo.ask("emperor penguins", "lexical");
  expect((await demo.topIds(1))[0]).toBe("penguin-parents");
  await expect(demo.results.first().locator("mark")).toHaveText(["emperor", "penguins"]);
  await expect(page.getByTestId("badge")).toContainText("Words only");
  isHeld = false;
  release();
  await expect(page.getByTestId("badge")).toHaveText("Hybrid: words + meaning", { timeout: 60_000 });
  expect((await demo.topIds(1))[0]).toBe("penguin-parents");
  demo.expectNoFaults();
});

test("follows the question with filters, modes and a link that leads back to it", async ({ page, context }) => {
  const demo = new DemoPage(page);
  await demo.open();
  await demo.untilReady();
  await demo.ask("water");
  await page.getByTestId("filter-subject").selectOption({ value: "animals" });
  await page.getByTestId("mode-lexical").check({ force: true });
  await expect(page.getByTestId("results")).toHaveAttribute("data-mode", "lexical");
  await expect(demo.results.first()).toContainText("animals");
  await page.getByTestId("best-only").check();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByTestId("copy-link").click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(new URL(link).search).toBe("?q=water&mode=words&subject=animals&best=1");
  const ids = await demo.topIds(5);
  await page.getByTestId("copy-code").click();
  const code = await page.evaluate(() => navigator.clipboard.readText());
  expect(code).toContain('index.search("water", {');
  await page.getByTestId("clear-filters").click();
  await expect(page).toHaveURL(/\?q=water&mode=words&best=1$/);
  await page.goto(link);
  await expect(demo.search).toHaveValue("water");
  await expect.poll(() => demo.topIds(5)).toEqual(ids);
  demo.expectNoFaults();
});

test("goes from a result to its document, to more like it, and back through the history", async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open("?q=penguins");
  await demo.untilReady();
  await expect(page.getByTestId("results")).toHaveAttribute("data-mode", "hybrid");
  const first = demo.results.first();
  await first.getByRole("button", { name: "Open document" }).click();
  const reading = page.getByTestId("reading");
  await expect(reading.getByTestId("passage")).toContainText("Male emperor penguins");
  await expect(page).toHaveURL(/doc=general%2Fpenguin-parents&at=0-\d+/);
  await page.keyboard.press("Escape");
  await expect(reading).toHaveCount(0);
  await expect(demo.search).toHaveValue("penguins");
  await first.getByRole("button", { name: "More like this" }).click();
  await expect(page.getByTestId("like")).toContainText("More like “Penguin parents”");
  await expect.poll(() => demo.topIds(10)).not.toContain("penguin-parents");
  await expect(page).toHaveURL(/like=general%2Fpenguin-parents%3A0/);
  await page.goBack();
  await expect(page.getByTestId("like")).toHaveCount(0);
  await expect.poll(async () => (await demo.topIds(1))[0]).toBe("penguin-parents");
  await page.goBack();
  await expect(reading).toBeVisible();
  demo.expectNoFaults();
});

test("finds more like a passage that a link from another browser names", async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open("?like=general%2Fpenguin-parents%3A0");
  await demo.untilReady();
  await expect(page.getByTestId("like")).toContainText("More like “Penguin parents”");
  await expect(demo.results).toHaveCount(10);
  expect(await demo.topIds(10)).not.toContain("penguin-parents");
  demo.expectNoFaults();
});

test("shows every hit on the map, also those that a large library's map leaves out", async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open();
  await demo.untilReady();
  await page.getByTestId("sample-classics").getByRole("button").click();
  await demo.untilIndexed(4000);
  await demo.untilReady();
  await demo.ask("the white whale");
  const hits = await demo.results.count();
  await page.getByTestId("tab-map").click();
  const map = page.getByTestId("map");
  await expect(map).toHaveAttribute("data-drawn", "true", { timeout: 60_000 });
  await expect(map).toContainText("2,000 of 4,230 passages");
  await expect(map.getByTestId("map-hits").getByRole("listitem")).toHaveCount(hits);
  const last = map.getByTestId("map-hits").getByRole("button").last();
  const title = await last.evaluate((button) => button.firstChild?.textContent ?? "");
  await last.click();
  await expect(page.getByTestId("reading")).toContainText(title);
  demo.expectNoFaults();
});

test("opens a long document at the passage that was found", async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open();
  await demo.untilSearchable();
  const lines = Array.from(
    { length: 600 },
    (_, line) => `Line ${line} tells of the weather at sea, as every line does.`,
  );
  lines[400] = "Here a quokka came aboard, and stayed with the ship.";
  const buffer = Buffer.from(lines.join("\n\n"));
  await page.getByTestId("files").setInputFiles({ name: "logbook.txt", mimeType: "text/plain", buffer });
  await expect(page.getByTestId("imports")).toContainText("logbook.txt");
  await page.getByTestId("mode-lexical").check({ force: true });
  await demo.ask("quokka", "lexical");
  await demo.results.first().getByRole("button", { name: "Open document" }).click();
  const passage = page.getByTestId("passage");
  await expect(passage.locator("mark")).toHaveText("quokka");
  await expect(passage.locator("mark")).toBeInViewport();
  await expect(page).toHaveURL(/doc=/);
  await page.reload();
  await expect(passage.locator("..").getByText("quokka")).toBeInViewport();
  demo.expectNoFaults();
});

test("says what coarser vectors cost, and keeps them from one visit to the next", async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open();
  await demo.untilReady();
  await page.getByTestId("vectors").locator("summary").click();
  await page.getByTestId("precision").selectOption("binary");
  await page.getByTestId("dimensions").fill("2");
  const measured = page.getByTestId("measured");
  // 64 bits for each of 498 passages are kilobytes of one digit; all 256 would be of two.
  await expect(measured).toContainText(/memory\d\sKB/);
  await expect(measured).toContainText(/\d\.\d %/);
  await expect(page.getByTestId("vectors")).toContainText("64 of 256");
  await page.reload();
  await demo.untilReady();
  await page.getByTestId("vectors").locator("summary").click();
  await expect(page.getByTestId("precision")).toHaveValue("binary");
  await expect(page.getByTestId("rescore")).toBeChecked();
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
  const first = demo.results.first().getByRole("heading").getByRole("button");
  await expect(first).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(first).toHaveAttribute("aria-expanded", "true");
  await page.keyboard.press("o");
  await expect(page.getByTestId("reading")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByTestId("reading")).toHaveCount(0);
  await expect(first).toBeFocused();
  await page.keyboard.press("?");
  await expect(page.getByTestId("keys")).toContainText("To the search box");
  await page.keyboard.press("Escape");
  await expect(page.getByTestId("keys")).toHaveCount(0);
  await page.keyboard.press("m");
  await expect(page.getByTestId("like")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(demo.search).toHaveValue("");
  await expect(page.getByTestId("like")).toHaveCount(0);
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
