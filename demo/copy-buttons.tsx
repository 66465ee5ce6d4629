/** @file The search to take along: as a link, and as code. */
import { useEffect, useState } from "preact/hooks";
import { strings } from "./strings.ts";

const text = strings.copy;

/** Long enough to be read. */
const SAID_MS = 2000;

export interface CopyButtonsProps {
  /** Absolute URL of the search. */
  readonly link: () => string;
  /** TypeScript that makes the same search. */
  readonly snippet: () => string;
}

type Said = { readonly of: "link" | "code"; readonly done: boolean } | null;

/** Two buttons; what became of it is said in their place. */
export function CopyButtons({ link, snippet }: CopyButtonsProps) {
  const [said, setSaid] = useState<Said>(null);
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSaid(null), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async (of: "link" | "code", content: string): Promise<void> => {
    const done = await navigator.clipboard.writeText(content).then(
      () => true,
      () => false,
    );
    setSaid({ of, done });
  };
  const label = (of: "link" | "code"): string => {
    if (said?.of !== of) return text[of];
    return said.done ? text.copied : text.failed;
  };
  return (
    <span class="copy">
      <button type="button" class="hit-action" data-testid="copy-link" onClick={() => void copy("link", link())}>
        {label("link")}
      </button>
      <button
        type="button"
        class="hit-action"
        title={text.codeHint}
        data-testid="copy-code"
        onClick={() => void copy("code", snippet())}
      >
        {label("code")}
      </button>
      <span class="visually-hidden" role="status">
        {said === null ? "" : said.done ? text.copied : text.failed}
      </span>
    </span>
  );
}
