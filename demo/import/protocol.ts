/** @file What the importer's two sides say to each other. Types only; all of it survives a structured clone. */
import type { SearchDocument } from "../../src/index.ts";
import type { Format } from "./formats.ts";
import type { RefusalReason } from "./outcome.ts";

/** Page → worker. The next is sent when the last is answered. */
export interface ReadRequest {
  readonly name: string;
  readonly format: Format;
  readonly content: Blob | string;
  /** As the sender said; `null` where nobody did. */
  readonly charset: string | null;
  /** Of a document that names none itself; `null`: the file's name. */
  readonly title: string | null;
}

/** Worker → page: any number of parts, then the end or a refusal. */
export type ReadReply =
  | { readonly kind: "part"; readonly documents: readonly SearchDocument[] }
  | { readonly kind: "end" }
  | { readonly kind: "refused"; readonly reason: RefusalReason; readonly detail: string };
