/** @file A pack on disk under a path of Vite's server; files are streamed, never whole in memory. */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";
import type { PackManifest } from "../../src/pack.ts";

/** Where the pack is to be found unless told. */
export const PACK_PATH = "/pack/";

/**
 * @param folder - Where the manifest's files lie.
 * @param manifest - Served instead of the folder's.
 * @param path - With a slash at both ends.
 */
export function servePack(folder: string, manifest: PackManifest, path = PACK_PATH): Plugin {
  const sizes = new Map(manifest.files.map(({ name, bytes }) => [name, bytes]));
  return {
    name: "serve-pack",
    configureServer({ middlewares }) {
      middlewares.use(path, (request, response, next) => {
        const name = new URL(request.url ?? "", "http://pack").pathname.slice(1);
        // A layer that is streamed comes from the disk each time, not from a cache of the browser's.
        response.setHeader("Cache-Control", "no-store");
        if (name === "manifest.json") {
          response.setHeader("Content-Type", "application/json").end(JSON.stringify(manifest));
          return;
        }
        // Other names than the manifest's are no files of the pack, wherever they may lead.
        const bytes = sizes.get(name);
        if (bytes === undefined) return next();
        response.setHeader("Content-Type", "application/octet-stream").setHeader("Content-Length", bytes);
        const body = createReadStream(join(folder, name));
        body.on("error", () => response.destroy());
        response.on("close", () => body.destroy());
        body.pipe(response);
      });
    },
  };
}
