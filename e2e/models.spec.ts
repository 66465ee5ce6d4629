/** @file Another model on the page: from a folder or a URL into the browser's storage, used, checked and removed. */
import { expect, test, type Page } from "@playwright/test";
import { DemoPage, questions } from "./page.ts";

const PACK = "public/models/nano-q4";

/** Where the pack is a source like any other: the page's own server. */
const packUrl = (page: Page): string => new URL("models/nano-q4/", page.url()).href;

async function openForm(page: Page): Promise<void> {
  const card = page.getByTestId("model-0.6b");
  await card.getByText("Get this model").click();
}

test("takes a model from a folder, opens with it after a reload, and lets it go again", async ({ page }) => {
  // As in browsers without a folder picker: a dialog that Playwright cannot answer.
  await page.addInitScript(() => Reflect.deleteProperty(globalThis, "showDirectoryPicker"));
  const demo = new DemoPage(page);
  await demo.open();
  await demo.untilReady();
  await openForm(page);
  await page.locator("#folder-0\\.6b").setInputFiles(PACK);
  const arrival = page.getByTestId("arrival");
  await expect(arrival).toHaveAttribute("data-stage", "offered");
  await page.getByTestId("arrival-go").click();
  await expect(arrival).toHaveAttribute("data-stage", "stored", { timeout: 60_000 });
  await page.getByTestId("arrival-use").click();
  await demo.untilReady();
  const { query, answer } = questions[0]!;
  await demo.ask(query);
  expect(await demo.topIds(3)).toContain(answer);
  await page.reload();
  await demo.untilReady();
  const stored = page.getByTestId("stored-pack");
  await expect(stored).toHaveCount(1);
  await expect(stored).toContainText("In use");
  await stored.getByTestId("verify").click();
  await expect(stored).toContainText("as they should be", { timeout: 60_000 });
  await page.getByTestId("use-nano").click();
  await demo.untilReady();
  await stored.getByTestId("remove").click();
  await expect(stored).toHaveCount(0);
  demo.expectNoFaults();
});

test("pauses a download, goes on after a reload, and cancels it", async ({ page, context }) => {
  const demo = new DemoPage(page);
  let hold = true;
  await context.route("**/models/nano-q4/embedding-0.bin", async (route) => {
    // What is never answered is as slow as a line can be.
    if (!hold) await route.continue();
  });
  await demo.open();
  await openForm(page);
  await page.locator("#address-0\\.6b").fill(packUrl(page));
  await page.keyboard.press("Enter");
  const arrival = page.getByTestId("arrival");
  await expect(arrival).toHaveAttribute("data-stage", "offered");
  await page.getByTestId("arrival-go").click();
  await expect(page.getByTestId("arrival-bytes")).not.toHaveText(/^0 B|^$/);
  await page.getByTestId("arrival-pause").click();
  await expect(arrival).toHaveAttribute("data-stage", "paused");
  await page.reload();
  const stored = page.getByTestId("stored-pack");
  await stored.getByTestId("resume").click();
  await expect(arrival).toHaveAttribute("data-stage", "downloading");
  hold = false;
  await page.getByTestId("arrival-cancel").click();
  await expect(stored).toHaveCount(0);
});
