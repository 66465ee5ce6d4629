/** @file One build for the demo page (default), one for the library (`--mode lib`), and the unit tests. */
import { playwright } from "@vitest/browser-playwright";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { chromiumArgs, findChromium, realGpu } from "./tools/chromium.mjs";
import { contentSecurityPolicyPlugin } from "./tools/content-security-policy.ts";
import { webApp } from "./tools/web-app.ts";

const chromium = findChromium();
/** See tools/test-seed.ts. */
const seed = JSON.stringify(process.env["STRATA_SEED"] ?? "20261128");

/** As Vite writes the URL of a worker or of a WebAssembly file. */
const NESTED_URL =
  /new URL\(\s*(?:\/\* @vite-ignore \*\/\s*)?new URL\("([^"]+)", import\.meta\.url\)\.href,\s*"" \+ import\.meta\.url\s*\)/g;

/**
 * Vite writes a file's URL as a URL in a URL. A consumer's bundler would take a worker for a plain file and copy it
 * without what it imports, and Next's would look for WebAssembly files on the visitor's disk. This makes it the literal
 * again that the source has.
 */
const literalFileUrl: Plugin = {
  name: "literal-file-url",
  enforce: "post",
  generateBundle(_options, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === "chunk") file.code = file.code.replace(NESTED_URL, 'new URL("./$1", import.meta.url)');
    }
  },
};

/** Names without hashes: ONNX Runtime refers to its own module by name, and a library's files are named by its version. */
const LIBRARY_NAMES = {
  entryFileNames: "assets/[name].js",
  chunkFileNames: "assets/[name].mjs",
  assetFileNames: "assets/[name][extname]",
};

export default defineConfig(({ command, mode }) => ({
  // Relative, or the library's worker URL would be absolute and break consumers.
  base: "./",
  // A page that does not exist is a 404, not index.html: a mistyped model URL must not look like a broken manifest.
  appType: "mpa" as const,
  publicDir: mode === "lib" ? false : "public",
  build:
    mode === "lib"
      ? {
          outDir: "dist/lib",
          // Not `build.lib`: that inlines every asset, and ours are WebAssembly files of 14 to 27 MB.
          rolldownOptions: {
            input: { "strata-embed": "src/index.ts" },
            preserveEntrySignatures: "strict" as const,
            output: { ...LIBRARY_NAMES, entryFileNames: "[name].js" },
          },
          minify: false,
        }
      : { outDir: "dist/demo" },
  plugins:
    mode === "lib" ? [literalFileUrl] : [contentSecurityPolicyPlugin(), ...(command === "build" ? webApp() : [])],
  worker: {
    format: "es" as const,
    ...(mode === "lib" && { plugins: () => [literalFileUrl], rolldownOptions: { output: LIBRARY_NAMES } }),
  },
  // ONNX Runtime finds its .wasm beside its own module; pre-bundling would move the module away from it.
  // The others are named, or Vite would find them in mid-test and reload the page.
  optimizeDeps: {
    exclude: ["onnxruntime-web"],
    include: [
      "comlink",
      "idb",
      "minisearch",
      "fflate",
      "htmlparser2",
      "mammoth/mammoth.browser.js",
      "marked",
      "papaparse",
      "pdfjs-dist/legacy/build/pdf.mjs",
      "pdfjs-dist/legacy/build/pdf.worker.mjs",
      "@huggingface/tokenizers",
      // Of tests and benchmarks alone.
      "fast-check",
      "@huggingface/transformers",
      "preact",
      "preact/hooks",
      "preact/jsx-dev-runtime",
      "umap-js",
      "chart.js",
      "workbox-window",
    ],
  },
  oxc: { jsx: { runtime: "automatic" as const, importSource: "preact" } },
  test: {
    projects: [
      {
        extends: true,
        define: { __STRATA_SEED__: seed },
        test: {
          name: "node",
          setupFiles: "tools/test-seed.ts",
          environment: "node",
          include: ["{src,tools,demo,bench}/**/*.test.{ts,tsx}"],
          exclude: ["**/*.browser.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        define: {
          __STRATA_GPU__: JSON.stringify(realGpu),
          __STRATA_SEED__: seed,
          // Each costs a reload: a few for every change, as many as the published figures for those.
          __STRATA_FAULTS__: process.env["STRATA_FAULTS"] ?? "2",
        },
        test: {
          name: "chromium",
          include: ["{src,demo,tools,bench}/**/*.browser.test.ts"],
          globalSetup: "tools/test-packs.ts",
          setupFiles: "tools/test-seed.ts",
          testTimeout: 300_000,
          // Two cores: files in parallel only steal the software GPU from each other.
          fileParallelism: false,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: { args: chromiumArgs, ...(chromium ? { executablePath: chromium } : {}) },
            }),
            instances: [{ browser: "chromium" as const }],
          },
        },
      },
    ],
  },
}));
