/** @file axe looks at the main screens, at a desk and on a phone, in light and dark. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";
import { DemoPage } from "./page.ts";

/** What WCAG asks for, and what axe knows to be good practice. */
async function expectAccessible(page: Page, screen: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, nodes }) => ({ id, where: nodes.map(({ html }) => html.slice(0, 200)) }));
  expect(found, screen).toEqual([]);
}

const SIZES = [
  { name: "at a desk, in light", colorScheme: "light", width: 1280, height: 900 },
  { name: "on a phone, in dark", colorScheme: "dark", width: 390, height: 844 },
] as const;

for (const { name, colorScheme, width, height } of SIZES) {
  test(`the main screens have no fault that axe finds, ${name}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height });
    const demo = new DemoPage(page);
    await demo.open();
    await demo.untilSearchable();
    await expectAccessible(page, "before the model is there");
    await demo.untilReady();
    await demo.ask("penguins");
    const options = page.getByTestId("tools-toggle");
    if (await options.isVisible()) await options.click();
    await page.getByTestId("filter-subject").selectOption({ index: 1 });
    await page.getByTestId("instruction-preset").selectOption("own");
    for (const panel of ["vectors", "documents", "take-along"])
      await page.getByTestId(panel).locator("summary").first().click();
    await expect(page.getByTestId("measured")).toContainText("%");
    await expectAccessible(page, "results");
    await demo.results.first().getByRole("button", { name: "Open document" }).click();
    await expectAccessible(page, "a document");
    await page.keyboard.press("Escape");
    await page.getByTestId("tab-map").click();
    await expect(page.getByTestId("map")).toHaveAttribute("data-drawn", "true", { timeout: 60_000 });
    await expectAccessible(page, "the map");
    await page.locator("body").press("?");
    await expectAccessible(page, "the keys");
  });
}
