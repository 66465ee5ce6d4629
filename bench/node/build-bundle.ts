/** @file The Node benchmark as one folder that runs with a bare Node: our code in two files, and what it loads. */
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { BUILD_FILE, repositoryBuild } from "./origin.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Our own code by its name in the bundle; each file has all that it needs, so that both may stand at the top. */
const ENTRIES = { bench: "bench/node/bundled.ts", "pack.worker": "tools/pack/serve-jobs.ts" } as const;

/** Loaded from `node_modules` as they are: ONNX Runtime finds its .wasm beside its own module. */
const PACKAGES = [/^onnxruntime-web\//, /^node:/];

/** Of ONNX Runtime: asyncify for Node without JSPI, jspi for Node with it. */
const RUNTIME_FILES = ["webgpu", "jspi"].flatMap((name) => {
  const build = name === "jspi" ? "jspi" : "asyncify";
  return [
    `dist/ort.${name}.bundle.min.mjs`,
    `dist/ort-wasm-simd-threaded.${build}.mjs`,
    `dist/ort-wasm-simd-threaded.${build}.wasm`,
  ];
});

/** Dawn for the one platform that GPU machines without a browser have. */
const DAWN_FILES = ["index.js", "dist/linux-x64/dawn.node"];

/** By their names in the bundle. */
const COPIES: Readonly<Record<string, string>> = {
  "README.md": "bench/node/README.md",
  LICENSE: "LICENSE",
  "public/models/nano-q4": "public/models/nano-q4",
  "fixtures/stress": "fixtures/stress",
};

/** Whose code is in the bundle, and where those packages lie. */
const LICENSED: Readonly<Record<string, string>> = {
  "onnxruntime-web": "node_modules/onnxruntime-web",
  "onnxruntime-common": "node_modules/onnxruntime-common",
  webgpu: "bench/node/node_modules/webgpu",
  "huggingface-tokenizers": "node_modules/@huggingface/tokenizers",
  "onnx-proto": "node_modules/onnx-proto",
  protobufjs: "node_modules/protobufjs",
  long: "node_modules/long",
};

/**
 * Writes the folder anew.
 *
 * @param out - The folder; what is in it is removed.
 */
export async function buildBundle(out: string): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const [name, entry] of Object.entries(ENTRIES)) await bundleCode(out, name, entry);
  copyPackage("node_modules/onnxruntime-web", RUNTIME_FILES, join(out, "node_modules/onnxruntime-web"));
  copyPackage("bench/node/node_modules/webgpu", DAWN_FILES, join(out, "node_modules/webgpu"));
  for (const [to, from] of Object.entries(COPIES)) cpSync(join(ROOT, from), join(out, to), { recursive: true });
  copyLicences(join(out, "licences"));
  writeFileSync(join(out, BUILD_FILE), `${JSON.stringify(repositoryBuild(ROOT), null, 2)}\n`);
}

/** @returns Bytes of all files in a folder and below. */
export function folderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

async function bundleCode(out: string, name: string, entry: string): Promise<void> {
  await build({
    configFile: false,
    root: ROOT,
    logLevel: "warn",
    publicDir: false,
    ssr: { noExternal: true, target: "node" },
    build: {
      ssr: true,
      target: "node20",
      outDir: out,
      emptyOutDir: false,
      minify: false,
      rolldownOptions: {
        input: { [name]: join(ROOT, entry) },
        external: PACKAGES,
        output: { format: "es", entryFileNames: "[name].mjs", codeSplitting: false },
      },
    },
  });
}

function copyPackage(from: string, files: readonly string[], to: string): void {
  for (const file of ["package.json", ...files]) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    copyFileSync(join(ROOT, from, file), join(to, file));
  }
}

function copyLicences(to: string): void {
  mkdirSync(to, { recursive: true });
  for (const [name, from] of Object.entries(LICENSED)) {
    const folder = join(ROOT, from);
    if (!existsSync(folder)) continue;
    const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|thirdparty)/i.test(file));
    for (const file of texts) copyFileSync(join(folder, file), join(to, `${name}.${file}`));
  }
}
