/** @file `npm run export`: a pack, or a model's folder, file or Hugging Face repository → whole-graph ONNX files for other runtimes. Command line only; the work is in `export/`. */
import { join } from "node:path";
import { parseDtypes } from "./export/export-dtypes.ts";
import { exportModel, type ExportedGraph } from "./export/export-model.ts";
import { locateSource, REPOSITORY_USAGE, required, runCommand } from "./pack/model-command.ts";

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

${REPOSITORY_USAGE}`;

const FLAGS = ["source", "out", "dtype", "tokenizer", "file", "cache"] as const;

function describeGraph(out: string, { file, bytes, dataFiles, kept }: ExportedGraph): string {
  const files = dataFiles === 1 ? "1 data file" : `${dataFiles} data files`;
  return `${join(out, "onnx", file)}: ${(bytes / 1e6).toFixed(1)} MB with ${files}${kept ? ", kept" : ""}`;
}

process.exitCode = await runCommand({ name: "export", usage: USAGE, flags: FLAGS }, async (flags, run) => {
  const [source, out] = [required(flags, "source"), required(flags, "out")];
  const dtypes = parseDtypes(required(flags, "dtype"));
  const { path } = await locateSource({ ...flags, source, out }, run);
  const { graphs } = await exportModel({
    source: path,
    out,
    dtypes,
    tokenizer: flags.tokenizer,
    signal: run.signal,
    onProgress: (progress) => run.line.update(progress),
  });
  return graphs.map((graph) => describeGraph(out, graph));
});
