/** @file Takes what is dropped anywhere on the page, and what is pasted outside of text boxes. */
import { useEffect, useRef, useState } from "preact/hooks";
import { collectDrop, collectPaste } from "../import/collect.ts";
import type { Collected } from "../import/collect.ts";

/** @returns True while files are held over the page. */
export function useIntake(onCollected: (collected: Collected) => void): boolean {
  const [dragging, setDragging] = useState(false);
  const latest = useRef(onCollected);
  latest.current = onCollected;
  useEffect(() => {
    const onDrag = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      // The model panel takes folders itself.
      if (event.target instanceof Element && event.target.closest("[data-takes-folders]")) return setDragging(false);
      // Without this the browser would leave the page and open the file.
      event.preventDefault();
      // Leaving one element for another fires too; only leaving the window has nowhere to go to.
      setDragging(event.type === "dragover" || (event.type === "dragleave" && event.relatedTarget !== null));
      if (event.type === "drop") void collectDrop(event.dataTransfer).then((collected) => latest.current(collected));
    };
    const onPaste = (event: ClipboardEvent): void => {
      if (!event.clipboardData || isTextBox(event.target)) return;
      const collected = collectPaste(event.clipboardData);
      if (collected.sources.length + collected.refusals.length === 0) return;
      event.preventDefault();
      latest.current(collected);
    };
    const drags = ["dragover", "dragleave", "drop"] as const;
    for (const name of drags) window.addEventListener(name, onDrag);
    window.addEventListener("paste", onPaste);
    return () => {
      for (const name of drags) window.removeEventListener(name, onDrag);
      window.removeEventListener("paste", onPaste);
    };
  }, []);
  return dragging;
}

function isTextBox(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
