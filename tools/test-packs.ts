/** @file Vitest global setup of the Chromium project: makes the packs that its tests load (seconds, then kept). */
import { packTestModels } from "./pack-test-models.ts";

/** Runs once before the project's first test. */
export async function setup(): Promise<void> {
  await packTestModels();
}
