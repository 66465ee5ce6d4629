/** @file Cells in Chromium, through the library. */
import type { Browser, Page } from "@playwright/test";
import type { AdapterFacts, EmbedderStatus } from "../../src/types.ts";
import { inPage } from "../harness/browser.ts";
import { deviceFacts, type CellOrder, type ParityDevice } from "./device.ts";
import type { ParityChoice } from "./page.ts";

/** By its path in the repository. */
export const PARITY_PAGE = "bench/parity/index.html";

/** A browser, and where its pages come from. */
export interface ParityBrowser {
  readonly browser: Browser;
  /** Of the server, with a slash at its end. */
  readonly url: string;
}

/** Where the server has a pack. @param bits - Of its layers. */
export function packPath(bits: number): string {
  return `/parity-pack-${bits}/`;
}

export function chromiumAdapter(where: ParityBrowser): Promise<AdapterFacts | null> {
  return onPage(where, (page) => page.evaluate(() => parity.adapter()));
}

/** A page of its own for the cell. @throws {CannotRun} When the library took another execution than asked for. */
export function inChromium<T>(
  where: ParityBrowser,
  order: CellOrder,
  task: (device: ParityDevice) => Promise<T>,
): Promise<T> {
  return onPage(where, async (page) => {
    const { device, activations } = order;
    let chunkTokens: number | undefined;
    const open = (): Promise<EmbedderStatus> => {
      const choice = { device, activations, ...(chunkTokens !== undefined && { chunkTokens }) };
      return openOn(page, order, choice);
    };
    const facts = deviceFacts(`Chromium ${where.browser.version()}`, await open(), order);
    return task({
      facts,
      async embed(batch, wanted) {
        if (wanted !== chunkTokens) {
          chunkTokens = wanted;
          await open();
        }
        const rows = await page.evaluate(
          (texts) => parity.embed(texts),
          batch.map((ids) => [...ids]),
        );
        return rows.map((row) => Float32Array.from(row));
      },
    });
  });
}

function openOn(page: Page, { pack }: CellOrder, choice: ParityChoice): Promise<EmbedderStatus> {
  return page.evaluate(({ model, how }) => parity.open(model, how), { model: packPath(pack.bits), how: choice });
}

function onPage<T>({ browser, url }: ParityBrowser, task: (page: Page) => Promise<T>): Promise<T> {
  return inPage(browser, { url: `${url}${PARITY_PAGE}`, ready: "parity" }, task);
}
