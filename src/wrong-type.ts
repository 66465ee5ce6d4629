/** @file How a value of the wrong type is named in an error. Pure. */
import { EmbedError } from "./errors.ts";

/** @returns `invalid-input` with the fault and the value in words, and its type in the details. */
export function wrongType(fault: string, value: unknown, details = {}): EmbedError {
  const type = typeName(value);
  return new EmbedError("invalid-input", `${fault}: ${describe(value)}`, { details: { ...details, type } });
}

/** Texts (their beginning) and numbers as they are, the rest by type. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  return typeof value === "number" ? String(value) : typeName(value);
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}
