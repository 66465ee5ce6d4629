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

/** The address rules, then what was chosen last time, then the built-in pack. */
export function firstChoice(addressed: string | null, memory: Memory | null): ModelChoice {
  return addressed === null ? (recall(memory) ?? BUILT_IN) : { kind: "address", url: addressed };
}

/** Only what can be opened without asking is remembered; an address is remembered by its bookmark. */
export function rememberChoice(choice: ModelChoice, memory: Memory | null): void {
  try {
    if (choice.kind === "stored") memory?.setItem(REMEMBERED, JSON.stringify({ id: choice.id, name: choice.name }));
    if (choice.kind === "built-in") memory?.removeItem(REMEMBERED);
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

function recall(memory: Memory | null): ModelChoice | null {
  try {
    const { id, name } = JSON.parse(memory?.getItem(REMEMBERED) ?? "{}") as { id?: unknown; name?: unknown };
    return typeof id === "string" && typeof name === "string" ? { kind: "stored", id, name } : null;
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
