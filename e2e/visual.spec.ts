/** @file What one would see at a glance: key screens at a desk and on a phone, in light and dark, with pictures to look at. */
import { expect, test, type Page } from "@playwright/test";
import { DemoPage, passages } from "./page.ts";
import { findFaults, takeShifts, TUNABLES, watchShifts } from "./visual-faults.ts";

/** A fifth of what counts as good on the web (0.1). */
const MAX_SHIFT = 0.02;

/** Of those whose best answer has none of its words. */
const QUESTION = "Why can't I see far away without spectacles?";

const SIZES = [
  { name: "at a desk", width: 1280, height: 800 },
  { name: "on a phone", width: 390, height: 844 },
] as const;

/** Each screen in light and dark; the picture of the whole page lies in the test's results. */
async function expectFaultless(page: Page, screen: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const faults = await page.evaluate(findFaults, TUNABLES);
    const name = `${screen.replaceAll(" ", "-")}-${colorScheme}.jpg`;
    const path = test.info().outputPath(name);
    const isDialog = (await page.locator("dialog:modal").count()) > 0;
    await page.screenshot({ path, type: "jpeg", quality: 70, fullPage: !isDialog });
    test.info().attachments.push({ name, path, contentType: "image/jpeg" });
    expect.soft(faults, `${screen}, ${colorScheme}`).toEqual([]);
  }
}

async function expectSteady(page: Page, while_: string): Promise<void> {
  const { score, movers } = await page.evaluate(takeShifts);
  expect.soft(score, `${while_}: ${movers.join("; ")}`).toBeLessThan(MAX_SHIFT);
}

/** The model's third layer comes when it is let through. */
async function holdModel(page: Page): Promise<() => void> {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/models/nano-q4/layer-03.bin", async (route) => {
    await held;
    await route.continue();
  });
  return release;
}

for (const { name, ...viewport } of SIZES) {
  test.describe(name, () => {
    test.use({ viewport });

    test("nothing is cut off, on top of another, too small or on the move", async ({ page }) => {
      const demo = new DemoPage(page);
      await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
      await page.addInitScript(watchShifts);
      const release = await holdModel(page);
      await demo.open();
      await demo.untilIndexed(passages.length);
      await expectSteady(page, "from the first paint to a library that can be searched");
      await expectFaultless(page, "before the model");
      await page.evaluate(takeShifts);

      release();
      await demo.untilReady();
      await expectSteady(page, "from there to the model");
      await demo.ask(QUESTION);
      await expectSteady(page, "while results come in");
      await expectFaultless(page, "results");

      await demo.results.first().getByRole("button", { name: "Open document" }).click();
      await expect(page.getByTestId("passage")).toBeVisible();
      await expectFaultless(page, "a document");
      await page.keyboard.press("Escape");

      await openTools(page);
      await expectFaultless(page, "tools");
      await page.getByTestId("clear-filters").click();

      await page.getByTestId("tab-map").click();
      await expect(page.getByTestId("map")).toHaveAttribute("data-drawn", "true", { timeout: 60_000 });
      await expectFaultless(page, "map");
      await page.getByTestId("tab-results").click();

      await importFiles(page);
      await demo.untilReady();
      await expectFaultless(page, "library");

      await page.getByTestId("mode-lexical").check({ force: true });
      await demo.ask("zyzzyva", "lexical");
      await expect(page.getByTestId("nothing")).toBeVisible();
      await expectFaultless(page, "no results");

      await demo.search.blur();
      await page.keyboard.press("?");
      await expect(page.getByTestId("keys")).toBeVisible();
      await expectFaultless(page, "keys");

      await demo.open("?device=toaster");
      await expect(page.getByTestId("error")).toBeVisible();
      await expectFaultless(page, "problem");
      demo.expectNoFaults();
    });
  });
}

/** Filters, an instruction of one's own, and how vectors are held. */
async function openTools(page: Page): Promise<void> {
  const options = page.getByTestId("tools-toggle");
  if (await options.isVisible()) await options.click();
  await page.getByTestId("filter-subject").selectOption({ index: 1 });
  await page.getByTestId("instruction-preset").selectOption("own");
  await page.getByTestId("vectors").locator("summary").click();
  await expect(page.getByTestId("measured")).toContainText("%");
}

/** One that is read, and one that is not, with names that are long. */
async function importFiles(page: Page): Promise<void> {
  await page.getByTestId("files").setInputFiles([
    {
      name: "notes-of-the-workshop-beside-the-old-harbour-of-the-town.md",
      mimeType: "text/markdown",
      buffer: Buffer.from("# Workshop\n\nThe key of the lathe hangs beside the window."),
    },
    { name: "a-photograph-that-is-no-text.txt", mimeType: "text/plain", buffer: Buffer.from([0xff, 0xd8, 0xff, 0]) },
  ]);
  await expect(page.getByTestId("imports")).toContainText("a-photograph-that-is-no-text.txt");
  await page.getByTestId("documents").locator("summary").click();
  await page.getByTestId("take-along").locator("summary").click();
}
