/** @file What the journeys share: the built page, seen as a person sees it. */
import { readFileSync } from "node:fs";
import { expect, type Locator, type Page } from "@playwright/test";

interface Question {
  readonly query: string;
  /** Id of the passage. */
  readonly answer: string;
  readonly suggested: boolean;
}

/** Objects on the worker's heap while it loads: 64 MiB, and one block of 16 MiB, the largest read of the built-in pack. */
export const MAX_LOAD_HEAP_BYTES = (64 + 16) * 2 ** 20;

const readSample = (name: string): unknown => JSON.parse(readFileSync(`public/samples/${name}.json`, "utf8"));

/** The sample library's questions, none of which shares a content word with its answer. */
export const { questions } = readSample("questions") as { readonly questions: readonly Question[] };

/** Passages of the built-in library. */
export const { passages } = readSample("passages") as {
  readonly passages: readonly { readonly id: string; readonly title: string; readonly text: string }[];
};

/** Of the built-in library's documents. */
const PREFIX = "general/";

/** What the page remembers of a first visit: that it has taken the built-in library in. */
const SAMPLED = "strata-demo:sampled";

/** The page, and what must never happen on it. */
export class DemoPage {
  readonly app: Locator;
  readonly search: Locator;
  readonly results: Locator;
  readonly #page: Page;
  readonly #faults: string[] = [];

  constructor(page: Page) {
    this.#page = page;
    this.app = page.getByTestId("app");
    this.search = page.getByTestId("search");
    this.results = page.getByTestId("result");
    page.on("pageerror", (error) => this.#faults.push(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") this.#faults.push(`console: ${message.text()}`);
    });
  }

  async open(parameters = ""): Promise<void> {
    await this.#page.goto(`./${parameters}`);
  }

  /** Opens the page with a library that is empty. */
  async openEmpty(parameters = ""): Promise<void> {
    await this.#page.addInitScript((name) => localStorage.setItem(name, "yes"), SAMPLED);
    await this.open(parameters);
    await this.untilSearchable();
  }

  /** Brings the first passages of the built-in library as a visitor's file, without vectors. */
  async bringPassages(count: number): Promise<void> {
    const lines = passages.slice(0, count).map(({ title, text }) => JSON.stringify({ title, text }));
    const buffer = Buffer.from(lines.join("\n"));
    await this.#page
      .getByTestId("files")
      .setInputFiles({ name: "passages.jsonl", mimeType: "application/json", buffer });
  }

  async untilReady(): Promise<void> {
    await expect(this.app).toHaveAttribute("data-state", "ready", { timeout: 240_000 });
  }

  async untilIndexed(passages: number): Promise<void> {
    const indexed = async () => Number(await this.app.getAttribute("data-indexed"));
    await expect.poll(indexed, { timeout: 280_000 }).toBeGreaterThanOrEqual(passages);
  }

  /** Until words can be found. */
  async untilSearchable(): Promise<void> {
    await expect(this.app).toHaveAttribute("data-searchable", "true", { timeout: 60_000 });
  }

  /** Types as a person does, and waits until the results are those of the whole query. */
  async ask(query: string, mode: "hybrid" | "semantic" | "lexical" = "hybrid"): Promise<void> {
    await this.search.fill("");
    await this.search.pressSequentially(query);
    const results = this.#page.getByTestId("results");
    await expect(results).toHaveAttribute("data-query", query, { timeout: 60_000 });
    await expect(results).toHaveAttribute("data-mode", mode, { timeout: 240_000 });
  }

  /** Ids of the best hits, those of the built-in library as its questions have them. */
  async topIds(count: number): Promise<string[]> {
    const ids = await this.results.evaluateAll((items) => items.map((item) => item.getAttribute("data-id") ?? ""));
    return ids.slice(0, count).map((id) => id.replace(PREFIX, ""));
  }

  async topTitles(count: number): Promise<string[]> {
    const titles = await this.results.getByRole("heading").allTextContents();
    return titles.slice(0, count);
  }

  /** Nothing was logged as an error and nothing was thrown, apart from what the journey provoked. */
  expectNoFaults(): void {
    expect(this.#faults).toEqual([]);
  }
}
