/** @file Which files of the page the service worker keeps, and which of them answers a request. Pure. */

/** The parts of ONNX Runtime's two WebGPU builds; a browser loads one of the two, never both. */
const WEBGPU_BUILDS = { jspi: /\/ort[^/]*\.jspi[^/]*$/, asyncify: /\/ort[^/]*\.(asyncify|webgpu)[^/]*$/ };

/**
 * Whether this browser can come to need a file. The build without WebGPU always can be needed: a GPU may be given up.
 *
 * @param url - Relative to the page.
 * @param jspi - Whether the browser has JavaScript Promise Integration, as the library asks for it.
 */
export function isNeeded(url: string, { jspi }: { readonly jspi: boolean }): boolean {
  return !WEBGPU_BUILDS[jspi ? "asyncify" : "jspi"].test(url);
}

/**
 * The URL under which the answer to a request would be kept: pages by their file, whatever their parameters say;
 * everything else by its own.
 */
export function keptUrl({ url, mode }: Pick<Request, "url" | "mode">): string {
  const kept = new URL(url);
  kept.hash = "";
  if (mode !== "navigate") return kept.href;
  kept.search = "";
  if (kept.pathname.endsWith("/")) kept.pathname += "index.html";
  return kept.href;
}
