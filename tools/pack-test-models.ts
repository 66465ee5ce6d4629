/** @file Packs that tests load, under `test-packs/`: stress in 16, 8 and 4 bits, and where ../shared is nano in 16 and 8. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { NANO_SOURCE, TOKENIZER_SOURCE } from "./pack-nano.ts";
import { GOLDEN_TOKENS } from "./pack/golden.ts";
import { packModel } from "./pack/pack-model.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STRESS = {
  name: "stress",
  source: join(ROOT, "fixtures/stress"),
  tokenizer: undefined,
  widths: [16, 8, 4],
} as const;
/** In 4 bits it is the built-in pack. */
const NANO = { name: "nano", source: NANO_SOURCE, tokenizer: TOKENIZER_SOURCE, widths: [16, 8] } as const;

/** Packs the test models; a pack that is whole and up to date is only checked. */
export async function packTestModels(): Promise<void> {
  const hasNano = existsSync(NANO_SOURCE);
  if (!hasNano) process.stderr.write(`test packs: no nano packs, ${NANO_SOURCE} is not there\n`);
  for (const { name, source, tokenizer, widths } of hasNano ? [STRESS, NANO] : [STRESS]) {
    for (const bits of widths) {
      const out = join(ROOT, "test-packs", `${name}-q${bits}`);
      await packModel({ source, out, bits, embeddingBits: bits, tokenizer, name, golden: GOLDEN_TOKENS });
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await packTestModels();
