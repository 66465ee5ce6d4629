/** @file A visitor's own documents: every kind, hostile ones included, kept from one visit to the next, through kills. */
import { readFileSync } from "node:fs";
import { expect, test, type Page } from "@playwright/test";
import { HIDDEN, HOSTILE_HTML } from "../tools/make-fixtures/hostile.ts";
import { makePdf } from "../tools/make-fixtures/pdf.ts";
import { makeDocx, makeEpub } from "../tools/make-fixtures/zipped.ts";
import { MortalBrowser } from "./mortal-browser.ts";
import { DemoPage } from "./page.ts";
import { Site } from "./site.ts";

/** Each costs two starts of a browser; `STRATA_FAULTS=20` has as many as the published figure. */
const KILLS = Number(process.env["STRATA_FAULTS"] ?? "2");
const GENERAL_PASSAGES = 498;

const fixture = (name: string) => ({
  name,
  mimeType: "",
  buffer: readFileSync(new URL(`fixtures/${name}`, import.meta.url)),
});

test("imports files of every kind and answers from them, before and after a reload", async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open();
  await demo.untilReady();
  const kinds = ["tide-mills.pdf", "lighthouse.md", "bees.docx", "salt.epub", "bridges.csv"];
  await page
    .getByTestId("files")
    .setInputFiles([
      ...kinds.map(fixture),
      { name: "broken.pdf", mimeType: "", buffer: Buffer.from("%PDF-1.7 and nothing else") },
      { name: "photo.jpg", mimeType: "image/jpeg", buffer: Buffer.from([0xff, 0xd8, 0xff]) },
    ]);
  const imports = page.getByTestId("imports");
  for (const name of [...kinds, "broken.pdf", "photo.jpg"]) await expect(imports).toContainText(name);
  await demo.untilIndexed(GENERAL_PASSAGES + kinds.length);
  await demo.untilReady();
  const questions = [
    ["when was the tidal power station on the Rance opened", "Rance tidal power station in Brittany opened in 1966"],
    ["Fresnel's lens of a lighthouse", "Fresnel's lens of 1822"],
    ["how do bees keep warm in winter", "cluster and keep its middle at about 35 degrees"],
    ["mine of Hallstatt", "worked for seven thousand years"],
    ["the tallest bridge in the world", "mast of 343 metres"],
  ] as const;
  const askAll = async (): Promise<void> => {
    for (const [question, answer] of questions) {
      await demo.ask(question);
      await expect(demo.results.first(), question).toContainText(answer);
    }
  };
  await askAll();
  await demo.open();
  await demo.untilReady();
  await expect(demo.app).toHaveAttribute("data-indexing-ms", "0");
  await askAll();
  demo.expectNoFaults();
});

/** The same hidden and misleading text in every kind of file; what is markup somewhere is text elsewhere. */
function hostileFiles() {
  const script = `<script>window.ran = "text"</script> <img src=x onerror="window.ran='img'"> [link](javascript:alert(1))`;
  const text = `Visible text of a hostile file. ${script} ${HIDDEN} The end.`;
  const html = `<p>Visible text of a hostile file. <a href="javascript:window.ran='a'">link</a> ${HIDDEN} The end.</p>`;
  const withScript = `${html}<script>window.ran = "epub"</script><svg onload="window.ran='svg'"></svg>`;
  const ascii = text.replace(/[^\u0020-\u007e]/g, "");
  const files: readonly (readonly [string, string | Uint8Array])[] = [
    ["hostile.html", HOSTILE_HTML],
    ["hostile.txt", text],
    ["hostile.md", `# Hostile\n\n${text}\n\n<iframe srcdoc="<script>parent.ran=1</script>"></iframe>`],
    ["hostile.csv", `title,text\nHostile,"${text.replaceAll('"', '""')}"\n`],
    ["hostile.jsonl", `${JSON.stringify({ title: "<b onclick=alert(1)>Hostile</b>", text })}\n`],
    ["hostile.docx", makeDocx("Hostile", [{ text }, { text: "linked", link: "javascript:alert(1)" }])],
    ["hostile.epub", makeEpub("Hostile", [{ label: "<script>1</script>", html: withScript }])],
    ["hostile.pdf", makePdf({ title: "<script>1</script>", pages: [[{ text: ascii, y: 700 }]] })],
  ];
  return files.map(([name, content]) => ({ name, mimeType: "", buffer: Buffer.from(content) }));
}

test("shows hostile files of every kind as text: nothing runs, and no policy is tried", async ({ page }) => {
  const violations: string[] = [];
  await page.exposeFunction("onViolation", (violation: string) => violations.push(violation));
  await page.addInitScript(() => {
    const { onViolation } = globalThis as unknown as { onViolation: (violation: string) => void };
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      onViolation(`${violatedDirective}: ${blockedURI}`),
    );
  });
  page.on("dialog", (dialog) => violations.push(`dialog: ${dialog.message()}`));
  const demo = new DemoPage(page);
  await demo.open();
  await demo.untilReady();
  const files = hostileFiles();
  await page.getByTestId("files").setInputFiles(files);
  for (const { name } of files) await expect(page.getByTestId("imports")).toContainText(name);
  await demo.untilIndexed(GENERAL_PASSAGES + files.length);
  await demo.untilReady();
  await demo.ask("visible text of a hostile file");
  const cards = await demo.results.allTextContents();
  expect(cards.filter((card) => card.includes("Visible text")).length).toBeGreaterThanOrEqual(files.length);
  for (const card of cards) expect(card).not.toMatch(/[\u200b-\u200f\u202a-\u202e\u2066-\u2069]/);
  await demo.results
    .first()
    .getByRole("button", { name: /open document/i })
    .click();
  await expect(page.getByTestId("passage")).toContainText("Visible text");
  const made = await page.evaluate(() => ({
    ran: "ran" in globalThis,
    active: document.querySelectorAll("#app [onerror], #app [onclick], #app [onload], #app iframe, #app script").length,
    links: Array.from(document.links, ({ href }) => href).filter((href) => /^javascript:/i.test(href)),
  }));
  expect(made).toEqual({ ran: false, active: 0, links: [] });
  expect(violations).toEqual([]);
  demo.expectNoFaults();
});

/** Of one table: most of a second of reading and indexing, in any part of which a kill may come. */
const ROWS = 100;
const KILL_WITHIN_MS = 700;

const table = (number: number) => ({
  name: `rows-${number}.csv`,
  mimeType: "text/csv",
  buffer: Buffer.from(
    `title,text\n${Array.from(
      { length: ROWS },
      (_, i) =>
        `Row ${number}.${i},"The ledger of day ${number}.${i} lists what the harbour took in: salt, rope and tar."`,
    ).join("\n")}\n`,
  ),
});

interface Figures {
  readonly indexed: number;
  readonly total: number;
}

async function figures(page: Page): Promise<Figures> {
  const { indexed, total } = await page.getByTestId("app").evaluate((app) => ({ ...app.dataset }));
  return { indexed: Number(indexed), total: Number(total) };
}

test(`goes on indexing after the browser was killed ${KILLS} times: nothing is lost or doubled`, async () => {
  test.setTimeout(120_000 + KILLS * 40_000);
  const site = new Site("dist/demo");
  await site.open();
  await using browser = new MortalBrowser();
  const visit = async () => {
    const page = await browser.start();
    const demo = new DemoPage(page);
    await page.goto(`${site.url}?device=wasm`);
    await demo.untilSearchable();
    return { page, demo };
  };
  try {
    let { page, demo } = await visit();
    await demo.untilReady();
    let before: Figures = await figures(page);
    let inTheMiddle = 0;
    for (let kill = 1; kill <= KILLS; kill++) {
      await page.getByTestId("files").setInputFiles(table(kill));
      await page.waitForTimeout(Math.random() * KILL_WITHIN_MS);
      await browser.kill();
      ({ page, demo } = await visit());
      const after = await figures(page);
      // What was there stays: a kill costs at most what was on its way.
      expect(after.total).toBeGreaterThanOrEqual(before.total);
      expect(after.indexed).toBeGreaterThanOrEqual(before.indexed);
      const all = GENERAL_PASSAGES + kill * ROWS;
      if (after.indexed < all) inTheMiddle++;
      // Rows that are kept already are passed over.
      await page.getByTestId("files").setInputFiles(table(kill));
      await demo.untilIndexed(all);
      await demo.untilReady();
      before = await figures(page);
      expect(before).toEqual({ indexed: all, total: all });
    }
    console.log(`${inTheMiddle} of ${KILLS} kills came before all was indexed`);
    await page.getByTestId("filter-type").selectOption("csv");
    await demo.ask("ledger of the harbour");
    expect(new Set(await demo.topIds(10)).size).toBe(10);
  } finally {
    await site.close();
  }
});
