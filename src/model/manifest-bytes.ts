/** @file `manifest.json` as bytes from anywhere, turned into a manifest. Pure. */
import { EmbedError } from "../errors.ts";
import type { PackManifest } from "../pack.ts";
import { parseManifest } from "./manifest.ts";

/** Its name in every pack. */
export const MANIFEST = "manifest.json";

/** One of a 36-layer model with ten golden vectors takes under 1 MB. */
export const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

/**
 * @param place - Where the bytes come from, for errors.
 * @throws {EmbedError} `model-corrupt` for an HTML page, for what is no JSON, and as `parseManifest`.
 */
export function readManifest(bytes: Uint8Array<ArrayBuffer>, place: string): PackManifest {
  if (bytes.length > MAX_MANIFEST_BYTES) throw notJson(place, `is over the limit of ${MAX_MANIFEST_BYTES} bytes`);
  const text = new TextDecoder().decode(bytes);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw notJson(place, /^\s*</.test(text) ? "is an HTML page" : "is not JSON", cause);
  }
  return parseManifest(json);
}

function notJson(place: string, what: string, cause?: unknown): EmbedError {
  return new EmbedError("model-corrupt", `${place} ${what}`, { cause, details: { file: MANIFEST, place } });
}
