/** @file Which model the page runs, and which one it is to run next time. */
import type { ModelSource, StorageChoice } from "../src/index.ts";
import { BUILT_IN_MODEL } from "./settings.ts";

/** What the page runs. */
export type ModelChoice =
  | { readonly kind: "built-in" }
  /** Of `?model=`. */
  | { readonly kind: "address"; readonly url: string }
  | { readonly kind: "stored"; readonly id: string; readonly name: string }
  /** Where nothing can be stored: read from its source each time. */
  | { readonly kind: "source"; readonly source: ModelSource; readonly name: string };

/** The pack that comes with the page. */
export const BUILT_IN: ModelChoice = { kind: "built-in" };

/** Name in `localStorage`. */
const REMEMBERED = "strata-demo:model";

type Memory = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** The part of `createEmbedder`'s options that says what to load. The service worker keeps the built-in pack. */
export function loadOptions(
  choice: ModelChoice,
  baseUrl: string,
): { readonly model: string | ModelSource; readonly storage: StorageChoice } {
  switch (choice.kind) {
    case "built-in":
      return { model: new URL(BUILT_IN_MODEL, baseUrl).href, storage: "none" };
    case "address":
      return { model: choice.url, storage: "auto" };
    case "stored":
      return { model: { stored: choice.id }, storage: "auto" };
    case "source":
      return { model: choice.source, storage: "auto" };
  }
}

/** What the last visit left. */
interface Remembered {
  readonly choice: ModelChoice & { readonly kind: "stored" };
  /** The visit ended while this was loaded, without a word. */
  readonly died: boolean;
}

/**
 * The address rules, then what was chosen last time, then the built-in pack: also when the last visit died of its
 * choice, as it does where an operating system is short of memory. It would die again.
 */
export function firstChoice(addressed: string | null, memory: Memory | null): ModelChoice {
  if (addressed !== null) return { kind: "address", url: addressed };
  const last = recall(memory);
  return last === null || last.died ? BUILT_IN : last.choice;
}

/** Name of the model that the last visit died of; `null` when it did not. */
export function diedLoading(memory: Memory | null): string | null {
  const last = recall(memory);
  return last?.died ? last.choice.name : null;
}

/**
 * Notes that a stored model is being loaded, in case that is the last that is heard of this visit.
 *
 * @returns Takes the note back: the load has failed or was called off, or the visitor leaves.
 */
export function noteLoad(choice: ModelChoice, memory: Memory | null): () => void {
  if (choice.kind !== "stored") return () => undefined;
  const before = recall(memory);
  remember({ choice, died: true }, memory);
  return () => remember(before?.died ? null : before, memory);
}

/** Only what can be opened without asking is remembered; an address is remembered by its bookmark. */
export function rememberChoice(choice: ModelChoice, memory: Memory | null): void {
  if (choice.kind === "stored") remember({ choice, died: false }, memory);
  if (choice.kind === "built-in") remember(null, memory);
}

function remember(last: Remembered | null, memory: Memory | null): void {
  try {
    if (last === null) memory?.removeItem(REMEMBERED);
    else memory?.setItem(REMEMBERED, JSON.stringify({ id: last.choice.id, name: last.choice.name, died: last.died }));
  } catch {
    // Storage that is full or forbidden: the next visit starts with the built-in pack.
  }
}

/** `null` where the browser forbids it. */
export function openMemory(): Memory | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

function recall(memory: Memory | null): Remembered | null {
  try {
    const { id, name, died } = JSON.parse(memory?.getItem(REMEMBERED) ?? "{}") as Record<string, unknown>;
    if (typeof id !== "string" || typeof name !== "string") return null;
    return { choice: { kind: "stored", id, name }, died: died === true };
  } catch {
    return null;
  }
}

/** The page's address without `?model=`, which would overrule another choice. */
export function withoutModel(href: string): string {
  const url = new URL(href);
  if (!url.searchParams.has("model")) return href;
  url.searchParams.delete("model");
  return url.href;
}
