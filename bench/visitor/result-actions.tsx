/** @file The result to take away. */
import { useState } from "preact/hooks";
import type { PageResult } from "./page-setup.ts";

export function ResultActions({ result }: { readonly result: PageResult }) {
  const [said, setSaid] = useState("");
  const json = `${JSON.stringify(result, null, 2)}\n`;
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(json);
      setSaid("Copied.");
    } catch {
      setSaid("The browser does not let the page copy: use Download JSON.");
    }
  };
  return (
    <section class="card actions-card" aria-label="Result">
      <h2>Result</h2>
      <p class="small">
        JSON as npm run bench writes it; saved in bench/results, npm run bench:docs makes a page of it. {result.host},{" "}
        {result.executions.strata}.
      </p>
      <details>
        <summary>What to know before believing it</summary>
        <ul class="notes small">
          {result.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      </details>
      <div class="actions">
        <button type="button" class="button button-strong" onClick={() => void copy()}>
          Copy result
        </button>
        <button type="button" class="button" onClick={() => download(json, result)}>
          Download JSON
        </button>
        <span role="status" class="small">
          {said}
        </span>
      </div>
    </section>
  );
}

function download(json: string, { date }: PageResult): void {
  const url = URL.createObjectURL(new Blob([json], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${date.slice(0, 10)}-compare-page.json`;
  link.click();
  URL.revokeObjectURL(url);
}
