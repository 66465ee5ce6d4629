/** @file Builds the page, makes the export, and serves both with the pack on loopback. Node only. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "../../src/model/manifest.ts";
import type { PackManifest } from "../../src/pack.ts";
import type { ExportDtype } from "../../tools/export/export-dtypes.ts";
import { exportModel } from "../../tools/export/export-model.ts";
import { buildPage } from "../compare/build.ts";
import { withFolders } from "../compare/serve.ts";
import { resultFrame } from "../report/frame.ts";
import type { Setup } from "./page-setup.ts";

const PAGE = "bench/visitor/index.html";
const BUILT = "dist/bench";

/**
 * Workers go by it too: nothing leaves this machine. transformers.js may start ONNX Runtime's threads from a blob.
 * Styles in attributes are the bars' widths.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "worker-src 'self' blob:",
  "connect-src 'self' blob: http://127.0.0.1:* http://localhost:*",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export interface PageOptions {
  /** Folder of the pack. */
  readonly model: string;
  /** Folder of an export with both dtypes. @default made of the pack, in test-packs */
  readonly exported?: string | undefined;
  /** @default any free one */
  readonly port?: number;
  /** That serves it again. */
  readonly command: string;
}

/** Of packs by their bits, for activations of 32 and of 16 bits. */
const DTYPES: Readonly<Record<PackManifest["quantization"]["bits"], readonly [ExportDtype, ExportDtype]>> = {
  4: ["q4", "q4f16"],
  8: ["q8", "q8"],
  16: ["fp32", "fp16"],
};

/** @param task - Gets the page's URL; serving ends with it. */
export async function withPage<T>(options: PageOptions, task: (url: string) => Promise<T>): Promise<T> {
  const manifest = parseManifest(JSON.parse(readFileSync(join(options.model, "manifest.json"), "utf8")));
  const [f32, f16] = DTYPES[manifest.quantization.bits];
  const exported = options.exported ?? (await makeExport(options.model, manifest));
  await buildPage([PAGE], BUILT);
  const { commit, versions } = resultFrame({
    kind: "compare",
    date: "",
    command: options.command,
    host: "",
    adapter: null,
    model: manifest.name,
    notes: [],
    packages: ["onnxruntime-web", "@huggingface/transformers"],
  });
  const { command } = options;
  const setup: Setup = { command, commit, versions, pack: "/pack/", exported: "/export/", dtypes: { f32, f16 } };
  const mounts = {
    "/": { folder: BUILT, instead: { "setup.json": JSON.stringify(setup) } },
    "/pack/": { folder: options.model },
    "/export/": { folder: exported },
    "/samples/": { folder: "public/samples" },
  };
  const { port = 0 } = options;
  const headers = { "Content-Security-Policy": POLICY };
  return withFolders(mounts, (url) => task(`${url}${PAGE}`), { port, headers, home: PAGE });
}

/** Of the pack itself, so that both have the same integers; what is there already is kept. */
async function makeExport(source: string, { name, quantization: { bits } }: PackManifest): Promise<string> {
  const out = `test-packs/export-${name}-${bits}`;
  await exportModel({ source, out, dtypes: [...new Set(DTYPES[bits])] });
  return out;
}
