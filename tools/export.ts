/** @file `npm run export`: a pack, or a model's folder, file or Hugging Face repository → whole-graph ONNX files for other runtimes. Command line only; the work is in `export/`. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { EmbedError } from "../src/errors.ts";
import { parseDtypes } from "./export/export-dtypes.ts";
import { exportModel, type ExportedGraph, type ExportOptions } from "./export/export-model.ts";
import { hubAccess } from "./pack/hub-client.ts";
import { downloadModel } from "./pack/hub-download.ts";
import { parseHubId } from "./pack/hub-id.ts";
import { ProgressLine } from "./pack/progress.ts";

/** Beside the export and not in it: the export's folder is what one serves. */
const CACHE = ".strata-hub";

const USAGE = `Usage: npm run export -- --source SOURCE --out DIR --dtype DTYPE[,DTYPE…] [options]

Writes a Qwen3 embedding model as ONNX files in the layout that transformers.js loads.

  --source PACK             a folder that \`npm run pack\` made: its integers and scales are taken over
  --source DIR              a Hugging Face folder (config.json, *.safetensors, tokenizer files)
  --source NAME.gguf        a GGUF file
  --source OWNER/REPO[@REV] a repository of the Hugging Face hub, where no such path exists: it is downloaded first
  --out DIR                 the export's folder; other dtypes that are there stay, what is up to date is kept
  --dtype LIST              fp32, fp16, q8, q4, q4f16; q4 takes a pack of 4 bits, q8 one of 8, the others any
  --tokenizer DIR           folder of tokenizer.json and tokenizer_config.json (default: the source's own)
  --help                    this text

Of a repository:
  --file NAME.gguf          this GGUF file instead of the safetensors
  --cache DIR               where downloads stay, for the next run too (default: ${CACHE} beside --out)
  HF_ENDPOINT=URL           a mirror with the hub's URL layout
  HF_TOKEN=TOKEN            for a repository that is not public; sent to the endpoint only, and never stored
`;

const FLAGS = ["source", "out", "dtype", "tokenizer", "file", "cache"] as const;
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
function readOptions(flags: Flags): ExportOptions {
  const required = (flag: "source" | "out" | "dtype") => {
    const value = flags[flag];
    if (!value) throw new EmbedError("invalid-input", `--${flag} is missing; see --help`);
    return value as string;
  };
  return {
    source: required("source"),
    out: required("out"),
    dtypes: parseDtypes(required("dtype")),
    tokenizer: (flags.tokenizer as string | undefined) || undefined,
  };
}

interface Run {
  readonly signal: AbortSignal;
  readonly line: ProgressLine;
}

/** The source as it is when it is a path, else downloaded; a path wins over a repository of the same name. */
async function locate(options: ExportOptions, flags: Flags, { signal, line }: Run): Promise<ExportOptions> {
  const id = existsSync(options.source) ? null : parseHubId(options.source);
  if (!id) {
    for (const flag of ["file", "cache"] as const) {
      if (flags[flag]) throw new EmbedError("invalid-input", `--${flag} is for a repository, --source is a path`);
    }
    return options;
  }
  const access = hubAccess(process.env);
  line.note(`${options.source} is no path: taken as a repository of ${access.endpoint}`);
  const { path } = await downloadModel({
    ...id,
    access,
    cache: (flags.cache as string | undefined) || join(dirname(resolve(options.out)), CACHE),
    gguf: (flags.file as string | undefined) || null,
    signal,
    onProgress: (step) => line.update(step),
    onNote: (note) => line.note(note),
  });
  return { ...options, source: path };
}

function describeGraph(out: string, { file, bytes, dataFiles, kept }: ExportedGraph): string {
  const files = dataFiles === 1 ? "1 data file" : `${dataFiles} data files`;
  return `${join(out, "onnx", file)}: ${(bytes / 1e6).toFixed(1)} MB with ${files}${kept ? ", kept" : ""}\n`;
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
    const run = { signal: interruption.signal, line };
    const options = await locate(readOptions(flags), flags, run);
    const onProgress: NonNullable<ExportOptions["onProgress"]> = (progress) => line.update(progress);
    const { graphs } = await exportModel({ ...options, signal: interruption.signal, onProgress });
    line.end();
    for (const graph of graphs) process.stderr.write(describeGraph(options.out, graph));
    return 0;
  } catch (error) {
    line.end();
    if (!(error instanceof EmbedError)) throw error;
    process.stderr.write(`export: ${error.message} (${error.code})\n`);
    return error.code === "aborted" ? INTERRUPTED : 1;
  }
}

process.exitCode = await main();
