/** @file Where Chromium is and how the tests start it. Node built-ins only: runs before anything is installed. */
import { existsSync } from "node:fs";

const CANDIDATES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome-stable",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/**
 * Path of a Chromium or Chrome; `STRATA_CHROMIUM` overrides the usual places.
 *
 * @returns {string | undefined}
 */
export function findChromium() {
  const chosen = process.env.STRATA_CHROMIUM;
  if (chosen) return existsSync(chosen) ? chosen : undefined;
  return CANDIDATES.find((path) => existsSync(path));
}

/** Whether the tests are to run on a real GPU, with f16 activations (`STRATA_GPU=1`). */
export const realGpu = process.env.STRATA_GPU === "1";

/** Software WebGPU (Dawn on SwiftShader) unless a real GPU is asked for; nothing that phones home. */
export const chromiumArgs = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--enable-unsafe-webgpu",
  ...(realGpu ? ["--enable-dawn-features=vulkan_enable_f16_on_nvidia", "--enable-features=Vulkan"] : []),
];
