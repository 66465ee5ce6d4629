/** @file A text with parts of it marked: built of text nodes, whatever is in the text. */
import type { Span } from "./spans.ts";
import { cutAt } from "./spans.ts";

interface HighlightedProps {
  readonly text: string;
  /** Ascending and apart. */
  readonly spans: readonly Span[];
}

/** The text, its spans in `<mark>`. */
export function Highlighted({ text, spans }: HighlightedProps) {
  return (
    <>{cutAt(text, spans).map((part, index) => (part.marked ? <mark key={index}>{part.text}</mark> : part.text))}</>
  );
}
