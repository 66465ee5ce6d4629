/** @file `npm run pack`: a model's folder, file or Hugging Face repository → a pack. Command line only; the work is in `pack/`. */
import { dirname, resolve } from "node:path";
import { EmbedError } from "../src/errors.ts";
import type { WeightBits } from "../src/pack.ts";
import { GOLDEN_TOKENS } from "./pack/golden.ts";
import { locateSource, REPOSITORY_USAGE, required, runCommand } from "./pack/model-command.ts";
import type { CommandRun, Flags } from "./pack/model-command.ts";
import { packModel, type PackOptions, refuseOwnInputs } from "./pack/pack-model.ts";
import { describeErrors } from "./pack/rounding-errors.ts";
import { readTokenizerFiles } from "./pack/tokenizer-files.ts";

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

${REPOSITORY_USAGE}`;

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
type PackFlags = Flags<(typeof FLAGS)[number]>;

/** @throws {EmbedError} `invalid-input`, naming the flag. */
function readOptions(flags: PackFlags): PackOptions {
  const bits = readBits("--bits", flags.bits);
  return {
    source: required(flags, "source"),
    out: required(flags, "out"),
    bits,
    embeddingBits: readBits("--embedding-bits", flags["embedding-bits"] ?? (bits === 16 ? "16" : "8")),
    tokenizer: flags.tokenizer,
    name: flags.name,
    repo: flags.repo,
    revision: flags.revision,
    golden: readGolden(flags.golden),
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

/** What is packed, and what it is called where it comes from a repository. */
async function locate(options: PackOptions, flags: PackFlags, run: CommandRun): Promise<PackOptions> {
  const { source, out } = options;
  const beforeDownload = (folder: string): void => checkBeforeDownload(options, folder);
  const { path, repository } = await locateSource({ ...flags, source, out }, { ...run, beforeDownload });
  if (repository === null) return options;
  const { repo, commit } = repository;
  const name = options.name ?? `${repo.split("/")[1]!}-q${options.bits}`;
  return { ...options, source: path, name, repo: options.repo ?? repo, revision: commit };
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

process.exitCode = await runCommand({ name: "pack", usage: USAGE, flags: FLAGS }, async (flags, run) => {
  const options = await locate(readOptions(flags), flags, run);
  const { manifest, keptFiles, errors } = await packModel({
    ...options,
    signal: run.signal,
    onProgress: (progress) => run.line.update(progress),
  });
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  const kept = keptFiles > 0 ? `, ${keptFiles} weight files kept from an earlier run` : "";
  const made = `${options.out}: ${manifest.files.length} files, ${(bytes / 1e6).toFixed(1)} MB${kept}`;
  const rounding = describeErrors(errors);
  return rounding === null ? [made] : [rounding, made];
});
