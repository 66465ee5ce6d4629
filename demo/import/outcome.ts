/** @file What importing takes and gives. Types, and the error by which a reader refuses a file. */
import type { SearchDocument } from "../../src/index.ts";

/** A thing a visitor brings. */
export type ImportSource =
  /** `name` is its path in what was dropped or chosen: "notes/a.md". */
  | { readonly kind: "file"; readonly name: string; readonly file: Blob }
  /** Pasted text. @default format "plain" */
  | { readonly kind: "text"; readonly name: string; readonly text: string; readonly format?: "plain" | "html" }
  | { readonly kind: "url"; readonly url: string };

/** Why a source is not taken. */
export type RefusalReason =
  | "not-a-text-type"
  | "too-large"
  | "too-many-documents"
  | "too-slow"
  | "unreadable"
  | "binary"
  | "not-utf8"
  | "damaged"
  | "encrypted"
  | "no-text-layer"
  | "empty"
  | "url-invalid"
  | "url-blocked"
  | "http-status"
  | "reader-failed";

export interface ImportedDocuments {
  readonly name: string;
  readonly documents: readonly SearchDocument[];
}

export interface ImportRefusal {
  readonly name: string;
  readonly refused: RefusalReason;
  /** A sentence for the visitor. */
  readonly detail: string;
}

export type ImportOutcome = ImportedDocuments | ImportRefusal;

/** Thrown where a source turns out not to be readable; becomes an {@link ImportRefusal}. */
export class Refusal extends Error {
  readonly reason: RefusalReason;

  /** @param detail - A sentence for the visitor. */
  constructor(reason: RefusalReason, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = "Refusal";
    this.reason = reason;
  }
}
