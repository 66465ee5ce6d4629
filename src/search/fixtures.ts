/** @file For tests: engines in memory, and vectors that need no model. */
import type { EngineStatus, OpenIndexRequest, PendingBatch, SearchDocument } from "../search-types.ts";
import type { SearchEngine } from "./engine.ts";
import { openEngine } from "./open-engine.ts";

export const SPACE = "letters-26";
const DIMENSIONS = 26;

/** How often each letter occurs, of length 1: texts of the same letters are alike. */
export function letterVector(text: string): Float32Array {
  const counts = new Float32Array(DIMENSIONS);
  for (const letter of text.toLowerCase()) {
    const at = letter.charCodeAt(0) - 97;
    if (at >= 0 && at < DIMENSIONS) counts[at]! += 1;
  }
  const length = Math.hypot(...counts) || 1;
  return counts.map((count) => count / length);
}

export interface TestEngine {
  readonly engine: SearchEngine;
  readonly statuses: EngineStatus[];
}

export async function openTestEngine(changes: Partial<OpenIndexRequest> = {}): Promise<TestEngine> {
  const statuses: EngineStatus[] = [];
  const passages = { maxTokens: 64, overlapTokens: 0 };
  const request: OpenIndexRequest = { name: null, passages, stored: "float32", view: {}, ...changes };
  const engine = await openEngine(request, {
    onStatus: (status) => statuses.push(status),
    countTokens: async () => null,
  });
  return { engine, statuses };
}

/** Embeds all that waits; returns the inputs it saw. */
export async function embedAll(engine: SearchEngine, space = SPACE): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const batch = await engine.pending(3, []);
    if (batch.inputs.length === 0) return seen;
    seen.push(...batch.inputs);
    await engine.keepVectors({ ...embed(batch), space });
  }
}

export function embed({ passageIds, inputs }: Pick<PendingBatch, "passageIds" | "inputs">) {
  const vectors = new Float32Array(inputs.length * DIMENSIONS);
  inputs.forEach((input, i) => vectors.set(letterVector(input), i * DIMENSIONS));
  return { passageIds, vectors, dimensions: DIMENSIONS };
}

/** A text of its own, and a year to filter by. */
export const document = (id: string, text: string, year = 2000): SearchDocument => ({ id, text, metadata: { year } });

export const PLANTS = [
  document("moss", "Moss grows on wet stones and drinks from the air.", 2001),
  document("oak", "An oak carries acorns that jays hide in the autumn.", 2002),
  document("kelp", "Kelp forests shelter otters along cold coasts.", 2003),
  document("fern", "Ferns uncurl from fiddleheads and bear spores, no seeds.", 2004),
];
