/** @file The still pictures: results and map at a desk, panels beside each other, a phone, each in light and dark. */
import { expect, type Page } from "@playwright/test";
import { composeRow } from "./compose.ts";
import { QUESTION, type Visitor } from "./visitor.ts";

/** A picture before it is compressed. */
export interface Screen {
  /** Of its file, without what stands after the dot. */
  readonly name: string;
  readonly png: Buffer;
}

const SCHEMES = ["light", "dark"] as const;

/** Asked for its figures alone. */
const OTHER_QUESTION = "Meeting a whale at sea";

/** As high as two results. */
const DESK = { width: 1280, height: 1080 };
const PHONE = { width: 390, height: 844 };

/** The page's own ground in each scheme. */
const GROUND = { light: "#f3f4f2", dark: "#101617" } as const;

/** @param desk - An empty page, to lay pictures out on. */
export async function takeScreens(visitor: Visitor, desk: Page): Promise<Screen[]> {
  const { page } = visitor;
  await page.setViewportSize(DESK);
  await visitor.ask(QUESTION);
  await visitor.scrollTo(null);
  const results = await inBoth(visitor, "search", () => visitor.look());
  const panels = await takePanels(visitor, desk);
  await page.setViewportSize(PHONE);
  await visitor.scrollTo(".search-field");
  const phones = await inBoth(visitor, "phone", () => visitor.look());
  const both = phones.map(({ png }) => png);
  const phone = { name: "phone", png: await composeRow(desk, both, null) };
  await page.setViewportSize(DESK);
  await visitor.showMap();
  await visitor.scrollTo(".tabs");
  const map = await inBoth(visitor, "map", () => visitor.look());
  await page.emulateMedia({ colorScheme: "light" });
  return [...results, ...panels, phone, ...map];
}

/** What coarser vectors cost, and what runs. */
async function takePanels(visitor: Visitor, desk: Page): Promise<Screen[]> {
  const { page } = visitor;
  // Not one that was asked before: its vector is at hand, and the split of the time would lack it.
  await visitor.ask(OTHER_QUESTION);
  const engine = await inBoth(visitor, "engine", () => page.getByTestId("status").screenshot());
  const panel = page.getByTestId("vectors");
  const choose = async (precision: string, memory: RegExp): Promise<void> => {
    await page.getByTestId("precision").selectOption(precision);
    await expect(page.getByTestId("measured")).toContainText(memory);
  };
  await panel.locator("summary").click();
  await choose("binary", /memory\d+\sKB[^]*%/);
  const vectors = await inBoth(visitor, "vectors", () => panel.screenshot());
  await choose("float32", /memory\d+\.\d\sMB[^]*%/);
  await panel.locator("summary").click();
  await visitor.ask(QUESTION);
  const screens: Screen[] = [];
  for (const [at, scheme] of SCHEMES.entries()) {
    const pair = [vectors[at]!.png, engine[at]!.png];
    screens.push({ name: `panels-${scheme}`, png: await composeRow(desk, pair, GROUND[scheme]) });
  }
  return screens;
}

/** The same in light and in dark. */
async function inBoth({ page }: Visitor, name: string, take: () => Promise<Buffer>): Promise<Screen[]> {
  const screens: Screen[] = [];
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    screens.push({ name: `${name}-${colorScheme}`, png: await take() });
  }
  return screens;
}
