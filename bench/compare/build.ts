/** @file The benchmark's page as a visitor would get it: built, so that neither side pays for a development server. */
import { build } from "vite";

/** Where the built page is; ignored by git. */
export const BUILT_PAGE = "dist/compare";

/** @param pages - HTML files, by their path in the repository. */
export async function buildPage(pages: readonly string[], outDir: string = BUILT_PAGE): Promise<void> {
  await build({
    configFile: false,
    logLevel: "warn",
    base: "./",
    publicDir: false,
    // ONNX Runtime's files of 14 to 27 MB stay files.
    build: {
      outDir,
      target: "esnext",
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: Infinity,
      rolldownOptions: { input: [...pages] },
    },
    worker: { format: "es" },
  });
}
