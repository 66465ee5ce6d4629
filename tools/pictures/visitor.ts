/** @file Who uses the page while its pictures are taken: waits for what the page says of itself, never for a time. */
import { expect, type BrowserContext, type Page } from "@playwright/test";
import { DemoPage } from "../../e2e/page.ts";

/** Four books beside the built-in library: its passages have headings, and its map has shapes. */
const LIBRARY = "classics";

/** Asked in every picture: its words and its meaning lead to the same chapter of Darwin's. */
export const QUESTION = "Why are the birds so tame on the Galapagos Islands?";

/** Between the window's edge and what was scrolled to it. */
const MARGIN_PIXELS = 16;

/** A page that is ready, saved for offline use, and without a network from then on. */
export class Visitor {
  readonly page: Page;
  readonly demo: DemoPage;

  private constructor(page: Page) {
    this.page = page;
    this.demo = new DemoPage(page);
  }

  /** Comes a first time, adds a library, and comes again with the cable pulled. */
  static async arrive(context: BrowserContext, url: string): Promise<Visitor> {
    const visitor = new Visitor(await context.newPage());
    const { page, demo } = visitor;
    await page.goto(url);
    await demo.untilReady();
    const before = Number(await demo.app.getAttribute("data-total"));
    await page.getByTestId(`sample-${LIBRARY}`).getByRole("button").first().click();
    await demo.untilIndexed(before + 1);
    await demo.untilReady();
    await expect(page.getByTestId("offline")).toHaveAttribute("data-saved", "saved", { timeout: 120_000 });
    await context.setOffline(true);
    await page.goto(url);
    await demo.untilReady();
    // Ten passages of one chapter say less than ten chapters.
    await page.getByTestId("best-only").check();
    return visitor;
  }

  /** The results of a question, as far as it is typed. */
  async ask(query: string): Promise<void> {
    const typed = await this.demo.search.inputValue();
    if (!query.startsWith(typed)) await this.demo.search.fill("");
    await this.demo.search.pressSequentially(query.startsWith(typed) ? query.slice(typed.length) : query);
    const results = this.page.getByTestId("results");
    await expect(results).toHaveAttribute("data-query", query, { timeout: 60_000 });
    await expect(results).toHaveAttribute("data-mode", "hybrid");
  }

  async openFirst(): Promise<void> {
    await this.demo.results.first().getByRole("button", { name: "Open document" }).click();
    await expect(this.page.getByTestId("passage")).toBeInViewport();
  }

  async showMap(): Promise<void> {
    await this.page.getByTestId("tab-map").click();
    await expect(this.page.getByTestId("map")).toHaveAttribute("data-drawn", "true", { timeout: 120_000 });
  }

  /** Puts an element, by its selector, at the window's top; the page's top for `null`. */
  async scrollTo(selector: string | null): Promise<void> {
    await this.page.evaluate(
      ([wanted, margin]) => {
        const top = wanted === null ? 0 : document.querySelector(wanted)!.getBoundingClientRect().top + scrollY;
        scrollTo(0, Math.max(0, top - margin));
      },
      [selector, MARGIN_PIXELS] as const,
    );
  }

  /** Once all of it is painted: the map's canvas follows its size and the colour scheme with a frame's delay. */
  async look(scale: "css" | "device" = "device"): Promise<Buffer> {
    await this.page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
    return this.page.screenshot({ scale });
  }
}
