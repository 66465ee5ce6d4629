/** @file Carries EmbedError across the worker boundary; comlink alone loses class, code, details and cause. */
import { transferHandlers } from "comlink";
import { EmbedError, type ErrorDetails } from "../errors.ts";
import type { TransferredError } from "./protocol.ts";

/** As comlink defines it: what a handler called "throw" is given and gives back. */
interface ThrowHandler {
  canHandle(value: unknown): value is { readonly value: unknown };
  serialize(thrown: { readonly value: unknown }): [unknown, Transferable[]];
  deserialize(serialized: unknown): never;
}

const MARK = "strataError";

/**
 * Makes comlink's "throw" handler keep `EmbedError` whole. Any other error travels as comlink sends it (name, message
 * and stack of a plain `Error`), so an application that uses the same copy of comlink sees no change.
 * Needed on both sides before the first call; a second call does nothing.
 */
export function installErrorTransfer(): void {
  const original = transferHandlers.get("throw") as ThrowHandler | TypedThrowHandler;
  if (!(original instanceof TypedThrowHandler)) transferHandlers.set("throw", new TypedThrowHandler(original));
}

class TypedThrowHandler implements ThrowHandler {
  readonly #original: ThrowHandler;

  constructor(original: ThrowHandler) {
    this.#original = original;
  }

  canHandle(value: unknown): value is { readonly value: unknown } {
    return this.#original.canHandle(value);
  }

  serialize(thrown: { readonly value: unknown }): [unknown, Transferable[]] {
    if (!(thrown.value instanceof EmbedError)) return this.#original.serialize(thrown);
    return [{ [MARK]: packError(thrown.value) }, []];
  }

  deserialize(serialized: unknown): never {
    if (typeof serialized === "object" && serialized !== null && MARK in serialized) {
      throw unpackError(serialized[MARK] as TransferredError);
    }
    return this.#original.deserialize(serialized);
  }
}

/** @param error - Its details that cannot be cloned become text. */
export function packError(error: EmbedError): TransferredError {
  const { code, message, stack, cause } = error;
  return { code, message, details: cloneable(error.details), cause: describeCause(cause), stack };
}

/** @returns With the stack of where it was thrown. */
export function unpackError(sent: TransferredError): EmbedError {
  const { details, cause } = sent;
  const error = new EmbedError(sent.code, sent.message, cause === null ? { details } : { details, cause });
  // The worker's stack leads to the place; ours would only show this function.
  if (sent.stack !== undefined) error.stack = sent.stack;
  return error;
}

/** Details are plain by contract; one that is not becomes text, since an error must never fail to arrive. */
function cloneable(details: ErrorDetails): ErrorDetails {
  return Object.fromEntries(
    Object.entries(details).map(([key, value]) => [key, isCloneable(value) ? value : String(value)]),
  );
}

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

/** Deep enough for any real chain, and an end for one that bites its tail. */
const MAX_CAUSES = 8;

function describeCause(cause: unknown): string | null {
  const texts: string[] = [];
  for (let next = cause; next !== undefined && texts.length < MAX_CAUSES;) {
    texts.push(String(next));
    next = next instanceof Error ? next.cause : undefined;
  }
  return texts.length > 0 ? texts.join(", because of ") : null;
}
