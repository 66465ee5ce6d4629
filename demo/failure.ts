/** @file Thrown values → what the page says about them. */
import { EmbedError } from "../src/index.ts";
import type { Failure } from "./state.ts";

/** Code and message of whatever was thrown. */
export function toFailure(error: unknown): Failure {
  if (error instanceof EmbedError) return { code: error.code, message: error.message };
  return { code: null, message: error instanceof Error ? error.message : String(error) };
}

/** Whether the caller itself cancelled. */
export function isAborted(error: unknown): boolean {
  return error instanceof EmbedError && error.code === "aborted";
}

/** Whether the model is gone, so that only loading it again helps. */
export function isFatal(error: unknown): boolean {
  return !(error instanceof EmbedError) || FATAL.has(error.code);
}

/** Of a single text or a moment of little memory the model survives. */
const FATAL: ReadonlySet<string> = new Set(["device-lost", "worker-crashed", "disposed"]);
