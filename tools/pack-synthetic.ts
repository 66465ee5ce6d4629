/** @file `npm run pack:synthetic`: a pack of a full model's shape with random weights. Command line only; the work is in `pack/`. */
import { parseArgs } from "node:util";
import { EmbedError } from "../src/errors.ts";
import type { WeightBits } from "../src/pack.ts";
import { ProgressLine } from "./pack/progress.ts";
import { packSynthetic, SHAPES, type ShapeName, type SyntheticPackOptions } from "./pack/synthetic-pack.ts";

const NAMES = Object.keys(SHAPES) as ShapeName[];

const USAGE = `Usage: npm run pack:synthetic -- --shape ${NAMES.join("|")} --out DIR [options]

Writes a pack of that shape with random weights and no tokenizer: for tests and benchmarks, its vectors mean nothing.
The same options give the same bytes. An interrupted run goes on where it stopped.

  --shape NAME              Qwen3-Embedding's 0.6b, 4b or 8b; nano, the demo model's; line, one layer of one head
  --out DIR                 the pack's folder
  --bits 4|8|16             of the layers' weights (default: 4)
  --embedding-bits 4|8|16   of the token table (default: 16 with --bits 16, else 8)
  --layers N                how many (default: the shape's)
  --seed N                  of the weights (default: 1)
  --golden N,N,…            tokens of the known answers (default: a few, fewer for the large shapes)
  --help                    this text
`;

const FLAGS = {
  shape: { type: "string" },
  out: { type: "string" },
  bits: { type: "string", default: "4" },
  "embedding-bits": { type: "string" },
  layers: { type: "string" },
  seed: { type: "string" },
  golden: { type: "string" },
  help: { type: "boolean" },
} as const;

function parseFlags() {
  try {
    return parseArgs({ options: FLAGS }).values;
  } catch (cause) {
    throw new EmbedError("invalid-input", (cause as Error).message, { cause });
  }
}

type Flags = ReturnType<typeof parseFlags>;

/** @throws {EmbedError} `invalid-input`, naming the flag. */
function readOptions(flags: Flags): SyntheticPackOptions {
  const shape = NAMES.find((name) => name === flags.shape);
  if (!shape) throw new EmbedError("invalid-input", `--shape is ${flags.shape ?? "missing"}, not ${NAMES.join(", ")}`);
  if (!flags.out) throw new EmbedError("invalid-input", "--out is missing; see --help");
  const bits = readBits("--bits", flags.bits);
  return {
    shape,
    out: flags.out,
    bits,
    embeddingBits: readBits("--embedding-bits", flags["embedding-bits"] ?? (bits === 16 ? "16" : "8")),
    layers: readCounts("--layers", flags.layers)?.[0],
    seed: readCounts("--seed", flags.seed)?.[0],
    golden: readCounts("--golden", flags.golden),
  };
}

function readBits(flag: string, value: string): WeightBits {
  if (value === "4" || value === "8" || value === "16") return Number(value) as WeightBits;
  throw new EmbedError("invalid-input", `${flag} is ${value}, not 4, 8 or 16`);
}

function readCounts(flag: string, value: string | undefined): number[] | undefined {
  const counts = value?.split(",").map(Number);
  if (counts?.every((count) => Number.isInteger(count) && count >= 1) ?? true) return counts;
  throw new EmbedError("invalid-input", `${flag} is ${value}, not a whole number above 0`);
}

async function main(): Promise<number> {
  const line = new ProgressLine(process.stderr);
  try {
    const flags = parseFlags();
    if (flags.help) {
      process.stdout.write(USAGE);
      return 0;
    }
    const options = readOptions(flags);
    const { files } = await packSynthetic({ ...options, onProgress: (progress) => line.update(progress) });
    line.end();
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    process.stderr.write(`${options.out}: ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB\n`);
    return 0;
  } catch (error) {
    line.end();
    if (!(error instanceof EmbedError)) throw error;
    process.stderr.write(`pack:synthetic: ${error.message} (${error.code})\n`);
    return 1;
  }
}

process.exitCode = await main();
