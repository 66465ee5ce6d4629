/** @file How a value that a file or a server states is shown in an error: bounded, whatever it is. Pure. */

const MAX_CHARACTERS = 200;
const MAX_LIST = 8;

/**
 * Texts (their beginning), numbers and short lists of them as they are, the rest by kind. Not JSON: of a value that
 * nests deeply that would end in a stack overflow, of a long one in a message of megabytes.
 *
 * @param value - As it came from a parser.
 */
export function show(value: unknown): string {
  if (Array.isArray(value)) {
    const isFlat = value.length <= MAX_LIST && value.every((item) => typeof item !== "object" || item === null);
    return isFlat ? `[${value.map(show).join(", ")}]` : `a list of ${value.length}`;
  }
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? JSON.stringify(cut(value)) : String(value);
}

/** The beginning of a text. */
export function cut(text: string): string {
  return text.slice(0, MAX_CHARACTERS);
}
