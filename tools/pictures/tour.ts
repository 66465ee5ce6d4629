/** @file The recording: a question is typed, its results appear, a document opens, and the map shows where they are. */
import type { TourFrame, TourSize } from "./tour-svg.ts";
import { QUESTION, type Visitor } from "./visitor.ts";

/** One column, with text that can still be read where a README shows it smaller. */
export const TOUR_SIZE: TourSize = { width: 900, height: 800 };

/** How much of the question is typed in each frame, the last one whole. */
const TYPED_CHARACTERS = [3, 13, 21, 26, 33, 43, QUESTION.length];

const TYPING_MS = 420;
/** Time to read what has come. */
const READING_MS = 2800;
const GLANCE_MS = 900;

/** @param encode - PNG → WebP. */
export async function recordTour(
  visitor: Visitor,
  encode: (png: Buffer) => Promise<Buffer>,
): Promise<readonly TourFrame[]> {
  const { page, demo } = visitor;
  const frames: TourFrame[] = [];
  const record = async (durationMs: number, isStill?: true): Promise<void> => {
    frames.push({ webp: await encode(await visitor.look("css")), durationMs, ...(isStill && { isStill }) });
  };
  await page.setViewportSize(TOUR_SIZE);
  await page.getByTestId("tab-results").click();
  await demo.search.fill("");
  await visitor.scrollTo(null);
  await record(1600);
  await visitor.scrollTo(".search-field");
  for (const characters of TYPED_CHARACTERS) {
    await visitor.ask(QUESTION.slice(0, characters));
    if (characters < QUESTION.length) await record(TYPING_MS);
  }
  await record(READING_MS, true);
  await demo.results.first().getByRole("button", { name: "Open document" }).hover();
  await record(GLANCE_MS);
  await visitor.openFirst();
  await record(READING_MS);
  await page.keyboard.press("Escape");
  await visitor.scrollTo(".tabs");
  await page.getByTestId("tab-map").hover();
  await record(GLANCE_MS);
  await visitor.showMap();
  await visitor.scrollTo(".tabs");
  await record(READING_MS);
  await page.emulateMedia({ colorScheme: "dark" });
  await record(READING_MS);
  await page.emulateMedia({ colorScheme: "light" });
  return frames;
}
