/** @file The error for vectors that cannot be compared. */
import { EmbedError } from "../errors.ts";

/** Vectors that cannot be compared. */
export function mismatch(what: "space" | "dimensions", expected: string | number, actual: string | number): EmbedError {
  return new EmbedError("index-mismatch", `${what} of the vectors is ${actual}, of the index ${expected}`, {
    details: { what, expected, actual },
  });
}
