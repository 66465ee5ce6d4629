/**
 * @file `npm run samples`: embeds the sample libraries with the built-in model and writes their indexes and
 * `libraries.json` to `public/samples`. `npm run samples -- classics` builds one of them;
 * `npm run samples -- --text <folder>` prints the text of a book of Standard Ebooks instead.
 */
import { existsSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Page } from "@playwright/test";
import { inPage, note, withBrowser, withServer } from "../bench/harness/browser.ts";
import {
  fingerprint,
  LIBRARIES,
  readDocuments,
  readShipped,
  SHIPPED,
  type LibrarySource,
  type ShippedLibrary,
} from "./samples/libraries.ts";
import { readStandardEbook } from "./samples/standard-ebooks.ts";
import type {} from "./samples/page.ts";

const PAGE = "tools/samples/index.html";
const LIST = new URL("libraries.json", SHIPPED);

const { values, positionals } = parseArgs({ options: { text: { type: "string" } }, allowPositionals: true });

if (values.text === undefined) await buildAll(positionals);
else process.stdout.write(readStandardEbook(values.text));

async function buildAll(ids: readonly string[]): Promise<void> {
  const unknown = ids.find((id) => LIBRARIES.every((library) => library.id !== id));
  if (unknown !== undefined) throw new Error(`there is no library "${unknown}"`);
  const chosen = LIBRARIES.filter(({ id }) => ids.length === 0 || ids.includes(id));
  const built = await withServer({ pages: [PAGE], plugins: [] }, (url) =>
    withBrowser((browser) =>
      inPage(browser, { url: `${url}${PAGE}`, ready: "buildIndex" }, async (page) => {
        const entries: ShippedLibrary[] = [];
        for (const library of chosen) entries.push(await build(page, library));
        return entries;
      }),
    ),
  );
  writeFileSync(LIST, `${JSON.stringify(listed(built), null, 2)}\n`);
}

async function build(page: Page, library: LibrarySource): Promise<ShippedLibrary> {
  const documents = readDocuments(library);
  const file = `${library.id}.strata-index`;
  const [download, built] = await Promise.all([
    page.waitForEvent("download", { timeout: 0 }),
    page.evaluate(([all, name]) => buildIndex(all, name), [documents, file] as const),
  ]);
  const path = fileURLToPath(new URL(file, SHIPPED));
  await download.saveAs(path);
  const bytes = statSync(path).size;
  note(`${file}: ${built.documents} documents, ${built.passages} passages, ${bytes} bytes`);
  return { ...saidOf(library), file, bytes, ...built, sourceSha256: fingerprint(documents) };
}

function saidOf({ id, title, description, licence, builtIn, questions }: LibrarySource) {
  return { id, title, description, licence, builtIn, questions };
}

/** In the order of `LIBRARIES`; of those that were not built, what is known of the index stays. */
function listed(built: readonly ShippedLibrary[]): ShippedLibrary[] {
  const entries = [...built, ...(existsSync(LIST) ? readShipped() : [])];
  return LIBRARIES.flatMap((library) => {
    const entry = entries.find(({ id }) => id === library.id);
    return entry === undefined ? [] : [{ ...entry, ...saidOf(library) }];
  });
}
