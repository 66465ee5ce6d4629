/** @file What the page remembers of its library between visits, beside the library itself: in localStorage. Pure but for that. */
import type { Precision, ViewOptions } from "../src/index.ts";

export type Memory = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const SAMPLED = "strata-demo:sampled";
const STOPPED = "strata-demo:indexing-stopped";
const VIEW = "strata-demo:view";

export const PRECISIONS: readonly Precision[] = ["float32", "float16", "int8", "binary"];

/** Whether the built-in library was taken in before: a visitor who removes it does not want it back. */
export function wasSampled(memory: Memory | null): boolean {
  return read(SAMPLED, memory) === "yes";
}

export function rememberSampled(memory: Memory | null): void {
  write({ name: SAMPLED, value: "yes" }, memory);
}

/** Whether the visitor stopped the indexing for good. */
export function wasStopped(memory: Memory | null): boolean {
  return read(STOPPED, memory) === "yes";
}

export function rememberStopped(stopped: boolean, memory: Memory | null): void {
  write({ name: STOPPED, value: stopped ? "yes" : null }, memory);
}

/** How vectors were last wanted in memory; what is not understood is left out. */
export function recallView(memory: Memory | null): ViewOptions {
  try {
    const { dimensions, precision, rescore } = JSON.parse(read(VIEW, memory) ?? "{}") as Record<string, unknown>;
    const known = PRECISIONS.find((name) => name === precision);
    return {
      ...(typeof dimensions === "number" && Number.isInteger(dimensions) && dimensions >= 1 && { dimensions }),
      ...(known && { precision: known }),
      ...(typeof rescore === "boolean" && { rescore }),
    };
  } catch {
    return {};
  }
}

export function rememberView(view: ViewOptions, memory: Memory | null): void {
  write({ name: VIEW, value: Object.keys(view).length > 0 ? JSON.stringify(view) : null }, memory);
}

function read(name: string, memory: Memory | null): string | null {
  try {
    return memory?.getItem(name) ?? null;
  } catch {
    return null;
  }
}

function write({ name, value }: { readonly name: string; readonly value: string | null }, memory: Memory | null): void {
  try {
    if (value === null) memory?.removeItem(name);
    else memory?.setItem(name, value);
  } catch {
    // Storage that is full or forbidden: the next visit starts with the defaults.
  }
}
