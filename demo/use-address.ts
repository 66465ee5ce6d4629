/** @file The page's address follows what is on the screen, and the screen follows the browser's history. */
import { useCallback, useEffect, useRef } from "preact/hooks";
import { readAddress, writeAddress } from "./address.ts";
import type { Address } from "./address.ts";
import type { Page } from "./page.ts";

/** Browsers allow some hundred changes in half a minute; and nobody reads an address while typing. */
const WRITE_MS = 300;

/**
 * Writes the address as long as the component lives. Typing replaces it; a step such as opening a document or asking
 * for more like a passage can be gone back from.
 *
 * @returns The absolute URL of what is on the screen, even before it is written.
 */
export function useAddress(page: Page, address: Address): () => string {
  const { question } = address;
  const latest = useRef(address);
  latest.current = address;
  const step = stepOf(address);
  const written = useRef(step);
  useEffect(() => {
    // What is there by then, or a step taken meanwhile would be taken back.
    const timer = setTimeout(() => replace(latest.current), WRITE_MS);
    return () => clearTimeout(timer);
  }, [question]);
  useEffect(() => {
    if (step === written.current) return;
    written.current = step;
    push(latest.current);
  }, [step]);
  useEffect(() => {
    const onPop = (): void => {
      const popped = readAddress(location.search);
      written.current = stepOf(popped);
      page.goTo(popped);
    };
    window.addEventListener("popstate", onPop);
    return () => window.removeEventListener("popstate", onPop);
  }, [page]);
  return useCallback(() => hrefOf(latest.current), []);
}

function hrefOf(address: Address): string {
  const { origin, pathname, search } = location;
  return origin + pathname + writeAddress(address, search);
}

function replace(address: Address): void {
  const href = hrefOf(address) + location.hash;
  if (href !== location.href) history.replaceState(history.state, "", href);
}

function push(address: Address): void {
  const href = hrefOf(address);
  if (href !== location.href) history.pushState(null, "", href);
}

/** Two addresses with the same step are one entry of the history. */
function stepOf({ question: { like }, view, place }: Address): string {
  return JSON.stringify([like?.documentId, like?.passage, view, place]);
}
