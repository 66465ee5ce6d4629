/** @file Where packs come from: a URL, a hub, a folder. */
import type { ModelSource, PackSource, StoredSource } from "../delivery.ts";
import { EmbedError, throwIfAborted } from "../errors.ts";
import { openFolderSource } from "./folder-source.ts";
import { locateUrl, openHttpSource, type HttpOptions } from "./http-source.ts";
import { locateHub } from "./hub.ts";

/**
 * Reads and checks the manifest of a pack; nothing else is fetched yet.
 *
 * @throws {EmbedError} `invalid-input` for what names no source; `model-not-found` where there is no pack;
 *   `model-corrupt` when its manifest is no valid one; `model-fetch-failed` when there is no answer to be had, or when
 *   the page is no secure context, where browsers offer no SHA-256; `aborted`.
 */
export async function openPackSource(
  source: Exclude<ModelSource, StoredSource>,
  options: HttpOptions = {},
): Promise<PackSource> {
  throwIfAborted(options.signal);
  assertHashing();
  if ("url" in source) return openHttpSource(locateUrl(source), options);
  if ("hub" in source) return openHttpSource(locateHub(source), options);
  const folder = await openFolderSource(source, options);
  options.onBytes?.(folder.manifestBytes.length);
  return folder;
}

function assertHashing(): void {
  const webCrypto: Partial<Crypto> = globalThis.crypto;
  if (webCrypto.subtle) return;
  const message = "files cannot be verified, for this page is no secure context (needs https or localhost)";
  throw new EmbedError("model-fetch-failed", message, { details: { secureContext: false } });
}
