/** @file `npm run pack:nano`: rebuilds the built-in pack `public/models/nano-q4`, byte for byte. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { GOLDEN_TOKENS } from "./pack/golden.ts";
import { packModel } from "./pack/pack-model.ts";
import { packCosines, type ReferenceAnswer } from "./pack/quality.ts";
import { JOURNAL } from "./pack/staging.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Where the weights and the tokenizer lie beside a checkout. */
export const NANO_SOURCE = join(ROOT, "../shared/models/nano");
export const TOKENIZER_SOURCE = join(ROOT, "../shared/tokenizer");
/** The pack in the repository. */
export const NANO_PACK = join(ROOT, "public/models/nano-q4");

/** Answers longer than this are left out of the measurement: attention in float64 takes its time. */
const MAX_MEASURED_TOKENS = 1000;

/**
 * Packs the demo model with its model card and licence.
 *
 * @param out - Folder of the pack.
 */
export async function packNano(out: string): Promise<void> {
  await packModel({
    source: NANO_SOURCE,
    tokenizer: TOKENIZER_SOURCE,
    out,
    bits: 4,
    embeddingBits: 4,
    name: "nano-qwen3-embedding",
    golden: GOLDEN_TOKENS,
  });
  rmSync(join(out, JOURNAL));
  writeFileSync(join(out, "LICENSE"), readFileSync(join(TOKENIZER_SOURCE, "LICENSES/Apache-2.0.txt")));
  writeFileSync(join(out, "README.md"), await modelCard(out));
}

/** The model's own card under a head about this pack. */
async function modelCard(out: string): Promise<string> {
  const card = readFileSync(join(NANO_SOURCE, "README.md"), "utf8");
  const answers = JSON.parse(readFileSync(join(NANO_SOURCE, "golden.json"), "utf8")) as ReferenceAnswer[];
  const measured = answers.filter((answer) => answer.input_ids.length <= MAX_MEASURED_TOKENS);
  const cosines = await packCosines(out, measured);
  const mean = cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length;
  const [, frontMatter, body] = /^(---\n[^]*?\n---\n)([^]*)$/.exec(card) ?? ["", "", card];
  return `${frontMatter}
# nano-q4: the demo model as a Strata pack

Made by \`npm run pack:nano\` from the model below: layers and token table in 4 bits (blocks of 32, per-block scale
search), norms and scales in float16, with the tokenizer of Qwen3-Embedding (Apache-2.0), minified.
Cosine to the float64 vectors of the unrounded weights over ${measured.length} texts of at most ${MAX_MEASURED_TOKENS} tokens of the model's
\`golden.json\`: mean ${mean.toFixed(4)}, lowest ${Math.min(...cosines).toFixed(4)}.

What follows is the card of the unpacked model; the files that it names are not part of this pack.
${body}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  if (existsSync(NANO_SOURCE)) await packNano(NANO_PACK);
  else process.stderr.write(`pack:nano: ${NANO_SOURCE} is not there, the pack stays as it is\n`);
}
