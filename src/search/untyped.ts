/** @file What a value from a JavaScript caller is. Pure. */
import type { MetadataValue } from "../search-types.ts";

/** Whether a value can be in `metadata`. */
export function isMetadataValue(value: unknown): value is MetadataValue {
  return typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}

/** Whether a value has fields by name. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Texts (their beginning) and numbers as they are, the rest by type. */
export function nameOf(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  if (typeof value === "number" || value === null) return String(value);
  return typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}
