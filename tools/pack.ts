/** @file `npm run pack`: a Hugging Face model folder → a Strata pack. Command line only; the work is in `pack/`. */
import { parseArgs } from "node:util";
import { EmbedError } from "../src/errors.ts";
import type { WeightBits } from "../src/pack.ts";
import { GOLDEN_TOKENS } from "./pack/golden.ts";
import { packModel, type PackOptions } from "./pack/pack-model.ts";
import { ProgressLine } from "./pack/progress.ts";

const USAGE = `Usage: npm run pack -- --source DIR --out DIR --bits 4|8|16 [options]

Turns a Hugging Face folder of a Qwen3 embedding model (config.json, *.safetensors, tokenizer files) into a pack.

  --source DIR              the model's folder
  --out DIR                 the pack's folder; what an interrupted run finished there is kept
  --bits 4|8|16             of the layers' weights
  --embedding-bits 4|8|16   of the token table (default: 16 with --bits 16, else 8)
  --tokenizer DIR           folder of tokenizer.json and tokenizer_config.json (default: the source)
  --name NAME               the pack's name (default: name of the source folder)
  --repo REPO               where the weights come from (default: the name)
  --revision REVISION       of the weights (default: a hash of all inputs)
  --golden N,N,…|none       tokens of the known answers (default: ${GOLDEN_TOKENS.join()}); without any, the runtime refuses the pack
  --help                    this text
`;

const FLAGS = ["source", "out", "bits", "embedding-bits", "tokenizer", "name", "repo", "revision", "golden"] as const;
type Flags = Partial<Record<(typeof FLAGS)[number] | "help", string | boolean>>;

/** Exit status after Ctrl-C, as shells count it. */
const INTERRUPTED = 130;

function parseFlags(args: readonly string[]): Flags {
  const texts = Object.fromEntries(FLAGS.map((flag) => [flag, { type: "string" as const }]));
  try {
    return parseArgs({ args: [...args], options: { ...texts, help: { type: "boolean" } }, strict: true }).values;
  } catch (cause) {
    throw new EmbedError("invalid-input", (cause as Error).message, { cause });
  }
}

/** @throws {EmbedError} `invalid-input`, naming the flag. */
function readOptions(flags: Flags): PackOptions {
  const text = (flag: (typeof FLAGS)[number]) => (flags[flag] as string | undefined) || undefined;
  const required = (flag: "source" | "out") => {
    const value = text(flag);
    if (!value) throw new EmbedError("invalid-input", `--${flag} is missing; see --help`);
    return value;
  };
  const bits = readBits("--bits", text("bits"));
  return {
    source: required("source"),
    out: required("out"),
    bits,
    embeddingBits: readBits("--embedding-bits", text("embedding-bits") ?? (bits === 16 ? "16" : "8")),
    tokenizer: text("tokenizer"),
    name: text("name"),
    repo: text("repo"),
    revision: text("revision"),
    golden: readGolden(text("golden")),
  };
}

function readBits(flag: string, value: string | undefined): WeightBits {
  if (value === "4" || value === "8" || value === "16") return Number(value) as WeightBits;
  throw new EmbedError("invalid-input", `${flag} is ${value ?? "missing"}, not 4, 8 or 16; see --help`);
}

function readGolden(value: string | undefined): readonly number[] {
  if (value === undefined) return GOLDEN_TOKENS;
  const counts = value === "none" ? [] : value.split(",").map(Number);
  if (counts.every((count) => Number.isInteger(count) && count >= 1)) return counts;
  throw new EmbedError("invalid-input", `--golden is ${value}, not token counts such as 5,33 or none`);
}

async function main(): Promise<number> {
  const interruption = new AbortController();
  process.once("SIGINT", () => interruption.abort());
  const line = new ProgressLine(process.stderr);
  try {
    const flags = parseFlags(process.argv.slice(2));
    if (flags.help) {
      process.stdout.write(USAGE);
      return 0;
    }
    const options = readOptions(flags);
    const { manifest, keptFiles } = await packModel({
      ...options,
      signal: interruption.signal,
      onProgress: (progress) => line.update(progress),
    });
    line.end();
    const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    const kept = keptFiles > 0 ? `, ${keptFiles} weight files kept from an earlier run` : "";
    process.stderr.write(`${options.out}: ${manifest.files.length} files, ${(bytes / 1e6).toFixed(1)} MB${kept}\n`);
    return 0;
  } catch (error) {
    line.end();
    if (!(error instanceof EmbedError)) throw error;
    process.stderr.write(`pack: ${error.message} (${error.code})\n`);
    return error.code === "aborted" ? INTERRUPTED : 1;
  }
}

process.exitCode = await main();
