/** @file What went wrong → plain words and a remedy. Pure. */
import type { Problem } from "./page-setup.ts";

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /webgpu-unavailable|no WebGPU|no available backend|requestAdapter|adapter/i,
    "Turn on hardware acceleration in the browser's settings and reload, or choose WebAssembly.",
  ],
  [
    /device-lost|device (was |is )?lost|destroyed/i,
    "The GPU was reset. Close other tabs that use it and start again; after two resets browsers block it for two minutes.",
  ],
  [
    /out-of-memory|out of memory|allocation|buffer size|RangeError/i,
    "Close other tabs, choose the quick size, or take a smaller model.",
  ],
  [/storage-full|quota/i, "Free some disk space, or use a window that is not private."],
  [
    /model-not-found|model-fetch-failed|404|Failed to fetch|Could not locate/i,
    "Check both addresses: the page may only load from this machine, and another server must allow it (CORS).",
  ],
  [/model-corrupt|manifest/i, "Make the pack again with npm run pack, and the export with npm run export."],
];

/** Where nothing fits. */
const GENERAL = "Start again; if it stays, copy the result and report it with the message.";

/** @param where - The contender or the part of the run. */
export function problemOf(where: string, error: unknown): Problem {
  const code = (error as { readonly code?: unknown } | null)?.code;
  const what = String(error instanceof Error ? error.message : error).split("\n")[0]!;
  const searched = `${typeof code === "string" ? code : ""} ${what}`;
  const remedy = REMEDIES.find(([pattern]) => pattern.test(searched))?.[1] ?? GENERAL;
  return { where, what, remedy };
}
