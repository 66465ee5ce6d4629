/** @file `npx tsx tools/make-icons.ts`: the web app's icons, drawn from public/favicon.svg by Chromium. */
import { readFile } from "node:fs/promises";
import { chromium } from "@playwright/test";
import { chromiumArgs, findChromium } from "./chromium.mjs";

const SOURCE = "public/favicon.svg";

/** The mark's rounded corners. */
const FRAME = ' clip-path="url(#c)"';

/** `maskable`: without corners of its own, since platforms cut these to shapes of theirs. */
const ICONS = [
  { file: "icon-192.png", sizePixels: 192, maskable: false },
  { file: "icon-512.png", sizePixels: 512, maskable: false },
  { file: "maskable-512.png", sizePixels: 512, maskable: true },
];

const framed = await readFile(SOURCE, "utf8");
if (!framed.includes(FRAME)) throw new Error(`${SOURCE}: no frame to take off (${FRAME})`);
const executablePath = findChromium();
const browser = await chromium.launch({ args: chromiumArgs, ...(executablePath ? { executablePath } : {}) });
try {
  for (const { file, sizePixels, maskable } of ICONS) {
    const page = await browser.newPage({ viewport: { width: sizePixels, height: sizePixels } });
    const mark = maskable ? framed.replace(FRAME, "") : framed;
    await page.setContent(`<style>body { margin: 0 } svg { display: block; width: 100vw }</style>${mark}`);
    await page.screenshot({ path: `public/icons/${file}`, omitBackground: true });
    await page.close();
  }
} finally {
  await browser.close();
}
