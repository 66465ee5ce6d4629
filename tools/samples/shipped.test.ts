import { readdirSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fingerprint, LIBRARIES, QUESTION_COUNT, readDocuments, readShipped, SHIPPED } from "./libraries.ts";

/** All of the folder is deployed with the page, and lies in every clone. */
const MAX_SHIPPED_BYTES = 6_000_000;

describe("public/samples/libraries.json", () => {
  const shipped = readShipped();

  it("lists every library, with what is said about it", () => {
    expect(shipped.map(({ id }) => id)).toEqual(LIBRARIES.map(({ id }) => id));
    for (const [at, entry] of shipped.entries()) {
      const { title, description, licence, builtIn, questions } = LIBRARIES[at]!;
      expect(entry).toMatchObject({ title, description, licence, builtIn, questions });
      expect(questions).toHaveLength(QUESTION_COUNT);
    }
  });

  it.each(LIBRARIES.map((library, at) => ({ library, entry: shipped[at]! })))(
    "has $library.id as it was last built (`npm run samples`)",
    ({ library, entry }) => {
      const documents = readDocuments(library);
      expect(entry).toMatchObject({ documents: documents.length, sourceSha256: fingerprint(documents) });
      expect(entry.bytes).toBe(statSync(new URL(entry.file, SHIPPED)).size);
    },
  );

  it("has one library of at least 2,000 passages", () => {
    expect(Math.max(...shipped.map(({ passages }) => passages))).toBeGreaterThanOrEqual(2000);
  });

  it("takes less than 6 MB with its libraries", () => {
    const sizes = readdirSync(SHIPPED).map((name) => statSync(new URL(name, SHIPPED)).size);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(MAX_SHIPPED_BYTES);
  });
});
