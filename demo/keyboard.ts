/** @file Keys that work everywhere on the page: / to search, Esc to clear, arrows through the results. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** Marks what the arrow keys visit, after the search box. */
export const RESULT_TOGGLE = "hit-toggle";

/** Listens on the window as long as the component lives. */
export function useKeyboard(input: RefObject<HTMLInputElement | null>, onClear: () => void): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const box = input.current;
      if (!box || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (!handleKey(event, box, onClear)) return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [input, onClear]);
}

function handleKey(event: KeyboardEvent, box: HTMLInputElement, onClear: () => void): boolean {
  const active = document.activeElement;
  switch (event.key) {
    case "/":
      if (active instanceof HTMLInputElement) return false;
      box.focus();
      box.select();
      return true;
    case "Escape":
      onClear();
      box.focus();
      return true;
    case "ArrowDown":
      return moveFocus([box, ...document.querySelectorAll<HTMLElement>(`.${RESULT_TOGGLE}`)], 1);
    case "ArrowUp":
      return moveFocus([box, ...document.querySelectorAll<HTMLElement>(`.${RESULT_TOGGLE}`)], -1);
    default:
      return false;
  }
}

/** Only from the search box or a result: elsewhere the arrow keys scroll. */
function moveFocus(stops: readonly HTMLElement[], step: 1 | -1): boolean {
  const at = stops.findIndex((stop) => stop === document.activeElement);
  if (at < 0) return false;
  stops[at + step]?.focus();
  return true;
}
