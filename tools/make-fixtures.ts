/** @file Writes e2e/fixtures: one small file of each kind that the page imports. `npx tsx tools/make-fixtures.ts` */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFixtures } from "./make-fixtures/fixtures.ts";

const FOLDER = join(import.meta.dirname, "../e2e/fixtures");

mkdirSync(FOLDER, { recursive: true });
for (const [name, bytes] of makeFixtures()) writeFileSync(join(FOLDER, name), bytes);
