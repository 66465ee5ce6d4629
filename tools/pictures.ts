/**
 * @file `npm run pictures`: the README's pictures, taken from the built page with its own model while it is used, and
 * written to `docs/pictures`. `-- --folder <path>` takes a page that is built already; `-- --device webgpu` takes the
 * GPU also where it is emulated (`STRATA_GPU=1`: a real one). Fails when a picture is larger than a README should load.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium, type BrowserContext } from "@playwright/test";
import { build } from "vite";
import { Site } from "../e2e/site.ts";
import { chromiumArgs, findChromium } from "./chromium.mjs";
import { takeScreens } from "./pictures/screens.ts";
import { tourSvg } from "./pictures/tour-svg.ts";
import { recordTour, TOUR_SIZE } from "./pictures/tour.ts";
import { Visitor } from "./pictures/visitor.ts";
import { WebpEncoder } from "./pictures/webp.ts";

const TARGET = "docs/pictures";

/** As many as stay sharp on most screens, at a size that a README may have. */
const PIXELS_PER_CSS_PIXEL = 1.5;

/** Of one still picture. */
const MAX_PICTURE_BYTES = 150_000;
const MAX_TOUR_BYTES = 900_000;
const MAX_ALL_BYTES = 2_000_000;

/** Of one frame, a page full of text; most are half of it. */
const MAX_FRAME_BYTES = 100_000;

/** Frames follow one another quickly, and all of them are loaded at once. */
const FRAME_QUALITY = 0.6;

const { values } = parseArgs({
  options: {
    device: { type: "string", default: "auto" },
    folder: { type: "string" },
  },
});

if (values.folder === undefined) await build({ logLevel: "warn" });
const site = new Site(values.folder ?? "dist/demo");
await site.open();
try {
  await withProfile((context) => takeAll(context, `${site.url}?device=${values.device}`));
} finally {
  await site.close();
}
checkSizes();

/** With a profile on the disk, as a visitor has: private windows save nothing for offline use. */
async function withProfile(task: (context: BrowserContext) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "strata-pictures-"));
  const executablePath = findChromium();
  const context = await chromium.launchPersistentContext(folder, {
    args: chromiumArgs,
    deviceScaleFactor: PIXELS_PER_CSS_PIXEL,
    // Nothing is caught half-way.
    reducedMotion: "reduce",
    colorScheme: "light",
    ...(executablePath ? { executablePath } : {}),
  });
  try {
    await task(context);
  } finally {
    await context.close();
    rmSync(folder, { recursive: true });
  }
}

async function takeAll(context: BrowserContext, url: string): Promise<void> {
  mkdirSync(TARGET, { recursive: true });
  const encoder = new WebpEncoder(await context.newPage());
  const visitor = await Visitor.arrive(context, url);
  for (const { name, png } of await takeScreens(visitor, encoder.page)) {
    writeFileSync(join(TARGET, `${name}.webp`), await encoder.encode(png, { maxBytes: MAX_PICTURE_BYTES }));
  }
  const frames = await recordTour(visitor, (png) =>
    encoder.encode(png, { maxBytes: MAX_FRAME_BYTES, quality: FRAME_QUALITY }),
  );
  writeFileSync(join(TARGET, "tour.svg"), tourSvg(frames, TOUR_SIZE));
  visitor.demo.expectNoFaults();
}

function checkSizes(): void {
  const sizes = readdirSync(TARGET).map((name) => ({ name, bytes: statSync(join(TARGET, name)).size }));
  const all = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { name, bytes } of sizes) console.log(`${String(bytes).padStart(9)}  ${name}`);
  console.log(`${String(all).padStart(9)}  in all`);
  const limitOf = (name: string): number => (name.endsWith(".svg") ? MAX_TOUR_BYTES : MAX_PICTURE_BYTES);
  const large = sizes.filter(({ name, bytes }) => bytes > limitOf(name)).map(({ name }) => name);
  if (large.length > 0 || all > MAX_ALL_BYTES) throw new Error(`too large: ${large.join(", ") || TARGET}`);
}
