/** @file A cursor over untrusted JSON: each value is asked for by path, type and range. Pure. */

import { EmbedError } from "../errors.ts";

/** Longest piece of an offending value that is repeated in an error. */
const MAX_QUOTED_CHARS = 100;

/** One value of the manifest and the path that led to it. */
export class Field {
  /** As `files[2].bytes`; empty for the root. */
  readonly path: string;
  readonly #value: unknown;

  constructor(value: unknown, path = "") {
    this.#value = value;
    this.path = path;
  }

  /**
   * The error to throw when this value is not acceptable.
   *
   * @param requirement - What it had to be, to follow "must be".
   * @returns `model-corrupt`, with `field` and `value` in `details`.
   */
  error(requirement: string): EmbedError {
    const value = quote(this.#value);
    const field = this.path === "" ? "manifest" : this.path;
    return new EmbedError("model-corrupt", `manifest: ${field} is ${value.text}, must be ${requirement}`, {
      details: { field, value: value.plain },
    });
  }

  /** The named property of an object; a missing one is a field whose value is undefined. */
  get(name: string): Field {
    const value = this.#object();
    const path = this.path === "" ? name : `${this.path}.${name}`;
    return new Field(Object.hasOwn(value, name) ? value[name] : undefined, path);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object(), name);
  }

  isNull(): boolean {
    return this.#value === null;
  }

  /** Properties of an object used as a dictionary. */
  entries(maxCount: number): [string, Field][] {
    const names = Object.keys(this.#object());
    if (names.length > maxCount) throw this.error(`an object of at most ${maxCount} entries`);
    return names.map((name) => [name, this.get(name)]);
  }

  items(minCount: number, maxCount: number): Field[] {
    const value = this.#value;
    if (!Array.isArray(value) || value.length < minCount || value.length > maxCount) {
      throw this.error(`an array of ${range(minCount, maxCount)} items`);
    }
    return Array.from(value, (item, index) => new Field(item, `${this.path}[${index}]`));
  }

  integer(min: number, max: number): number {
    const value = this.#value;
    if (!Number.isSafeInteger(value) || !within(value, min, max)) throw this.error(`an integer, ${range(min, max)}`);
    return value;
  }

  number(min: number, max: number): number {
    const value = this.#value;
    if (!within(value, min, max)) throw this.error(`a number, ${range(min, max)}`);
    return value;
  }

  text(minChars: number, maxChars: number): string {
    const value = this.#value;
    if (typeof value !== "string" || !within(value.length, minChars, maxChars)) {
      throw this.error(`a string of ${range(minChars, maxChars)} characters`);
    }
    return value;
  }

  /** A string that `pattern` matches; `requirement` says what the pattern means. */
  matching(pattern: RegExp, requirement: string): string {
    const value = this.#value;
    if (typeof value !== "string" || !pattern.test(value)) throw this.error(requirement);
    return value;
  }

  oneOf<T extends string | number>(allowed: readonly T[]): T {
    const found = allowed.find((candidate) => candidate === this.#value);
    if (found === undefined) throw this.error(allowed.map((value) => JSON.stringify(value)).join(" or "));
    return found;
  }

  #object(): Record<string, unknown> {
    const value = this.#value;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw this.error("an object");
    return value as Record<string, unknown>;
  }
}

function within(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && value >= min && value <= max;
}

function range(min: number, max: number): string {
  return min === max ? `${min}` : `${min} to ${max}`;
}

/** A value for a message, and in a form that survives a structured clone and cannot be huge. */
function quote(value: unknown): { readonly text: string; readonly plain: string | number | boolean | null } {
  if (value === undefined) return { text: "missing", plain: null };
  if (value === null || typeof value === "number" || typeof value === "boolean") {
    return { text: String(value), plain: value };
  }
  if (typeof value === "string") {
    const cut = value.slice(0, MAX_QUOTED_CHARS);
    return { text: JSON.stringify(cut) + (cut === value ? "" : "…"), plain: cut };
  }
  const kind = Array.isArray(value) ? `an array of ${value.length} items` : `of type ${typeof value}`;
  return { text: kind, plain: kind };
}
