/** @file The built page's Content-Security-Policy: what may run on it, and whom it may talk to. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Plugin } from "vite";

/** The hub that packs come from unless told otherwise, and where it sends requests for large files. */
const DEFAULT_SOURCES = "https://huggingface.co https://*.huggingface.co https://*.hf.co";

/** An origin, or all hosts under a domain: nothing that would open more than a place to load packs from. */
const SOURCE = /^https?:\/\/(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d+)?$/i;

const CHARSET = /<meta charset="utf-8" \/>/;
const META = /<meta http-equiv="Content-Security-Policy" content="([^"]*)"/;

/**
 * The policy as it stands in the page.
 *
 * @param sources - Origins that packs may come from, with spaces between; `""` for the page's own alone.
 * @throws {Error} When one of them is not an origin.
 */
export function contentSecurityPolicy(sources: string = DEFAULT_SOURCES): string {
  const origins = sources.split(/\s+/).filter(Boolean);
  const wrong = origins.find((origin) => !SOURCE.test(origin));
  if (wrong !== undefined) throw new Error(`STRATA_SOURCES: ${wrong} is not an origin such as https://example.org`);
  return [
    "default-src 'none'",
    // ONNX Runtime compiles WebAssembly, and nothing compiles script from text.
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    ["connect-src 'self'", ...origins].join(" "),
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

/**
 * Puts the policy into the built page, and before every answer of `vite preview`: a worker goes by the header of its
 * own file. `STRATA_SOURCES` at build time names other places that packs may come from (see `contentSecurityPolicy`).
 *
 * Threads in ONNX Runtime would need `Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy:
 * require-corp` among these headers. Nothing here uses them, so they are not sent.
 */
export function contentSecurityPolicyPlugin(): Plugin {
  return {
    name: "content-security-policy",
    transformIndexHtml: {
      order: "post",
      handler: (html, { server }) => {
        // Vite's development server works with inline scripts.
        if (server) return html;
        const policy = contentSecurityPolicy(process.env["STRATA_SOURCES"]);
        // Before all that it is to hold for.
        return html.replace(
          CHARSET,
          (charset) => `${charset}\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`,
        );
      },
    },
    configurePreviewServer({ middlewares, config }) {
      const page = readFileSync(resolve(config.root, config.build.outDir, "index.html"), "utf8");
      const policy = META.exec(page)?.[1];
      if (policy === undefined) throw new Error("the built page has no Content-Security-Policy; build it again");
      middlewares.use((_request, response, next) => {
        // Whether the page may be framed can be said by a header alone.
        response.setHeader("Content-Security-Policy", `${policy}; frame-ancestors 'none'`);
        next();
      });
    },
  };
}
