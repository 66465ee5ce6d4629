/** @file Keys that work everywhere on the page: / to search, Esc to clear, arrows through the results, ? for help. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** Marks what the arrow keys visit, after the search box. */
export const RESULT_TOGGLE = "hit-toggle";

/** Elements that take letters themselves. */
const TYPES_INTO = "input:not([type=checkbox], [type=radio], [type=range], [type=file]), textarea, select";

/** What keys do beyond moving the focus. */
export interface KeyActions {
  readonly onClear: () => void;
  readonly onHelp: () => void;
}

/** Listens on the window as long as the component lives. */
export function useKeyboard(input: RefObject<HTMLInputElement | null>, { onClear, onHelp }: KeyActions): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const box = input.current;
      if (!box || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      // An open dialog has its own keys.
      if (document.querySelector("dialog[open]") !== null) return;
      if (!handleKey(event, box, { onClear, onHelp })) return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [input, onClear, onHelp]);
}

function handleKey(event: KeyboardEvent, box: HTMLInputElement, { onClear, onHelp }: KeyActions): boolean {
  const isTyping = document.activeElement?.matches(TYPES_INTO) === true;
  switch (event.key) {
    case "/":
      if (isTyping) return false;
      box.focus();
      box.select();
      return true;
    case "?":
      if (isTyping) return false;
      onHelp();
      return true;
    case "Escape":
      onClear();
      box.focus();
      return true;
    case "ArrowDown":
      return moveFocus(stopsFrom(box), 1);
    case "ArrowUp":
      return moveFocus(stopsFrom(box), -1);
    case "o":
      return act("open");
    case "m":
      return act("like");
    default:
      return false;
  }
}

function stopsFrom(box: HTMLInputElement): HTMLElement[] {
  return [box, ...document.querySelectorAll<HTMLElement>(`.${RESULT_TOGGLE}`)];
}

/** Only from the search box or a result: elsewhere the arrow keys scroll. */
function moveFocus(stops: readonly HTMLElement[], step: 1 | -1): boolean {
  const at = stops.findIndex((stop) => stop === document.activeElement);
  if (at < 0) return false;
  stops[at + step]?.focus();
  return true;
}

/** Presses a button of the result that has the focus. */
function act(action: "open" | "like"): boolean {
  const active = document.activeElement;
  if (!active?.classList.contains(RESULT_TOGGLE)) return false;
  const button = active.closest(".hit")?.querySelector<HTMLElement>(`[data-action=${action}]`);
  button?.click();
  return button !== null && button !== undefined;
}
