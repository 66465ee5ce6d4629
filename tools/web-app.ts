/** @file The page as an app: its web manifest, and what its service worker keeps. */
import type { Plugin } from "vite";
import { VitePWA } from "vite-plugin-pwa";

/** Over the largest file of the page, the asyncify build of ONNX Runtime (26.8 MB). */
const MAX_KEPT_FILE_BYTES = 32 * 2 ** 20;

/**
 * Writes the web manifest and builds demo/service-worker.ts, with the list of all files of the page and their hashes
 * in it. Registering it is left to demo/offline.ts.
 */
export function webApp(): Plugin[] {
  return VitePWA({
    strategies: "injectManifest",
    srcDir: "demo",
    filename: "service-worker.ts",
    injectRegister: false,
    // They are among the files of the page anyway.
    includeManifestIcons: false,
    manifest: {
      name: "Strata",
      short_name: "Strata",
      description: "Semantic search that runs in your browser tab, with nothing sent anywhere.",
      start_url: "./",
      scope: "./",
      display: "standalone",
      // The hero's and the page's, in the light scheme (demo/base.css).
      theme_color: "#ffffff",
      background_color: "#f3f4f2",
      icons: [
        { src: "./icons/icon-192.png", sizes: "192x192", type: "image/png" },
        { src: "./icons/icon-512.png", sizes: "512x512", type: "image/png" },
        { src: "./icons/maskable-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
      ],
    },
    injectManifest: {
      // Of the sample libraries the one that is there from the first visit on: what is added later lies in the index.
      // `bcmap`: encodings of Chinese, Japanese and Korean PDF files.
      globPatterns: ["**/*.{html,js,mjs,css,svg,png,wasm,json,bin,onnx,bcmap}", "samples/general.strata-index"],
      // What the sample libraries were made from: the page itself reads their indexes.
      globIgnores: ["samples/passages.json", "samples/questions.json"],
      maximumFileSizeToCacheInBytes: MAX_KEPT_FILE_BYTES,
    },
  });
}
