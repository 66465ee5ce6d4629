import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeFixtures } from "./make-fixtures/fixtures.ts";

describe("makeFixtures", () => {
  it("makes the files that are committed", () => {
    const folder = join(import.meta.dirname, "../e2e/fixtures");
    const made = makeFixtures();
    expect(readdirSync(folder)).toEqual(expect.arrayContaining([...made.keys()]));
    for (const [name, bytes] of made) expect(new Uint8Array(readFileSync(join(folder, name))), name).toEqual(bytes);
  });
});
