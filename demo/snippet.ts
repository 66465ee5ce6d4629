/** @file The search on the screen as code for the library. Pure. */
import type { ModelSource, SearchIndexOptions, SearchOptions, SearchQuery, ViewOptions } from "../src/index.ts";

/** What the code is to reproduce. */
export interface SnippetSource {
  /** As `createEmbedder` takes it; `null` where it is a folder that only this visitor has. */
  readonly model: string | object | null;
  readonly query: SearchQuery;
  readonly options: SearchOptions;
  /** Of the vectors in memory; `{}`: the default. */
  readonly view: ViewOptions;
  readonly index: Pick<SearchIndexOptions, "name" | "stored">;
}

/** Wider lists are written one field a line. */
const MAX_LINE_CHARACTERS = 80;

const IDENTIFIER = /^[a-z_$][\w$]*$/i;

/**
 * The source of a model without what is nobody else's business: tokens and headers.
 *
 * @returns As `createEmbedder` takes it; `null` for a folder.
 */
export function toPublicModel(model: string | ModelSource): string | object | null {
  if (typeof model === "string") return model;
  if ("stored" in model) return { stored: model.stored };
  if ("url" in model) return { url: model.url };
  if ("folder" in model) return null;
  const { hub, path, endpoint } = model;
  return { hub, ...(path !== undefined && { path }), ...(endpoint !== undefined && { endpoint }) };
}

/** TypeScript that opens model and index and searches in the same way; ends with a line break. */
export function writeSnippet({ model, query, options, view, index }: SnippetSource): string {
  const embedder = model === null ? '{ model: { folder: "…" } }' : literal({ model });
  const indexOptions = { ...index, ...(Object.keys(view).length > 0 && { view }) };
  return [
    'import { createEmbedder, createSearchIndex } from "strata-embed";',
    "",
    `const embedder = await createEmbedder(${embedder});`,
    `const index = await createSearchIndex({ embedder, ${literal(indexOptions).slice(2)});`,
    '// Once; it is kept from then on: await index.add([{ id: "1", title: "…", text: "…" }]);',
    "",
    `const { hits } = await index.search(${literal(query)}, ${literal(options)});`,
    'for (const hit of hits) console.log(hit.score.toFixed(3), hit.title ?? "", hit.text);',
    "",
  ].join("\n");
}

/** A value as it is written in code. */
function literal(value: unknown, indent = ""): string {
  if (Array.isArray(value)) return `[${value.map((item) => literal(item, indent)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return quote(value);
  const deeper = `${indent}  `;
  const fields = Object.entries(value).map(([name, field]) => {
    const key = IDENTIFIER.test(name) ? name : JSON.stringify(name);
    return `${key}: ${literal(field, deeper)}`;
  });
  const line = `{ ${fields.join(", ")} }`;
  if (fields.length === 0) return "{}";
  return line.length <= MAX_LINE_CHARACTERS ? line : `{\n${deeper}${fields.join(`,\n${deeper}`)},\n${indent}}`;
}

/** A text that cannot end the script it is put into, and whose line separators are seen. */
function quote(value: unknown): string {
  return (JSON.stringify(value) ?? "undefined")
    .replace(/</g, "\\u003c")
    .replace(/[\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16)}`);
}
