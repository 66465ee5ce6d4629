/** @file `npm run pack`: a model's folder, file or Hugging Face repository → a pack. Command line only; the work is in `pack/`. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { EmbedError } from "../src/errors.ts";
import type { WeightBits } from "../src/pack.ts";
import { GOLDEN_TOKENS } from "./pack/golden.ts";
import { hubAccess } from "./pack/hub-client.ts";
import { repositoryFolder } from "./pack/hub-cache.ts";
import { downloadModel } from "./pack/hub-download.ts";
import { type HubId, parseHubId } from "./pack/hub-id.ts";
import { packModel, type PackOptions, refuseOwnInputs } from "./pack/pack-model.ts";
import { ProgressLine } from "./pack/progress.ts";
import { describeErrors } from "./pack/rounding-errors.ts";
import { readTokenizerFiles } from "./pack/tokenizer-files.ts";

/** Beside the pack and not in it: the pack's folder is what one serves. */
const CACHE = ".strata-hub";

const USAGE = `Usage: npm run pack -- --source SOURCE --out DIR --bits 4|8|16 [options]

Turns a Qwen3 embedding model into a pack.

  --source DIR              a Hugging Face folder (config.json, *.safetensors, tokenizer files)
  --source NAME.gguf        a GGUF file (F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K, Q6_K, mixed or not)
  --source OWNER/REPO[@REV] a repository of the Hugging Face hub, where no such path exists: it is downloaded first
  --out DIR                 the pack's folder; what an interrupted run finished there is kept
  --bits 4|8|16             of the layers' weights
  --embedding-bits 4|8|16   of the token table (default: 16 with --bits 16, else 8)
  --tokenizer DIR           folder of tokenizer.json and tokenizer_config.json (default: the source's own)
  --name NAME               the pack's name (default: name of the source; of a repository, with -qBITS)
  --repo REPO               where the weights come from (default: the name, or the repository)
  --revision REVISION       of the weights (default: a hash of all inputs); of a repository, the branch, tag or commit
                            to download (default: main)
  --golden N,N,…|none       tokens of the known answers (default: ${GOLDEN_TOKENS.join()}); without any, the runtime refuses the pack
  --help                    this text

Of a repository:
  --file NAME.gguf          this GGUF file instead of the safetensors
  --cache DIR               where downloads stay, for the next run too (default: ${CACHE} beside --out)
  HF_ENDPOINT=URL           a mirror with the hub's URL layout
  HF_TOKEN=TOKEN            for a repository that is not public; sent to the endpoint only, and never stored
`;

const FLAGS = [
  "source",
  "out",
  "bits",
  "embedding-bits",
  "tokenizer",
  "name",
  "repo",
  "revision",
  "golden",
  "file",
  "cache",
] as const;
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

interface Run {
  readonly signal: AbortSignal;
  readonly line: ProgressLine;
}

/** The source as it is when it is a path, else downloaded; a path wins over a repository of the same name. */
async function locate(options: PackOptions, flags: Flags, run: Run): Promise<PackOptions> {
  const id = existsSync(options.source) ? null : parseHubId(options.source, options.revision);
  if (id) return download(options, id, { flags, ...run });
  for (const flag of ["file", "cache"] as const) {
    if (flags[flag]) throw new EmbedError("invalid-input", `--${flag} is for a repository, --source is a path`);
  }
  return options;
}

async function download(options: PackOptions, id: HubId, run: Run & { readonly flags: Flags }): Promise<PackOptions> {
  const { flags, signal, line } = run;
  const access = hubAccess(process.env);
  const cache = (flags.cache as string | undefined) || join(dirname(resolve(options.out)), CACHE);
  checkBeforeDownload(options, repositoryFolder(cache, id.repo));
  line.note(`${options.source} is no path: taken as a repository of ${access.endpoint}`);
  const { path, commit } = await downloadModel({
    ...id,
    access,
    cache,
    gguf: (flags.file as string | undefined) || null,
    signal,
    onProgress: (step) => line.update(step),
    onNote: (note) => line.note(note),
  });
  const name = options.name ?? `${id.repo.split("/")[1]!}-q${options.bits}`;
  return { ...options, source: path, name, repo: options.repo ?? id.repo, revision: commit };
}

/**
 * Finds now what packing would refuse after gigabytes.
 *
 * @param folder - Where those of the repository's commits will lie.
 */
function checkBeforeDownload({ out, tokenizer }: PackOptions, folder: string): void {
  const isCommit = dirname(resolve(out)) === resolve(folder);
  refuseOwnInputs(out, [...(isCommit ? [out] : []), ...(tokenizer ? [tokenizer] : [])]);
  if (tokenizer) readTokenizerFiles(tokenizer, true);
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
    const options = await locate(readOptions(flags), flags, { signal: interruption.signal, line });
    const { manifest, keptFiles, errors } = await packModel({
      ...options,
      signal: interruption.signal,
      onProgress: (progress) => line.update(progress),
    });
    line.end();
    const rounding = describeErrors(errors);
    if (rounding) line.note(rounding);
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
