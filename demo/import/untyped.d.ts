/** @file Types of library files that come without. */

declare module "mammoth/mammoth.browser.js" {
  import type mammoth from "mammoth";
  const sameAsInNode: typeof mammoth;
  export = sameAsInNode;
}

declare module "pdfjs-dist/legacy/build/pdf.worker.mjs";
