/** @file The page of `npm run bench:index`: an index of synthetic passages, filled, opened again and asked at the keyboard. */
import { createSearchIndex, deleteSearchIndex } from "../../src/index.ts";
import type { SearchIndex, ViewMeasurement, ViewOptions } from "../../src/index.ts";
import { PASSAGES_PER_DOCUMENT, question, syntheticDocuments, syntheticEmbedder } from "./synthetic-library.ts";

const NAME = "bench-index";
/** As the demo waits. */
const TOP_K = 8;
/** A paragraph has fewer, two have more. */
const MAX_TOKENS = 150;
/** Documents of one `add`: what a page hands over at a time. */
const DOCUMENTS_AT_ONCE = 20;

export interface FillResult {
  readonly ms: number;
  /** Longest task of the page's thread meanwhile; 0 when none took 50 ms. */
  readonly longestTaskMs: number;
}

export interface OpenResult {
  /** Until a search by meaning has been answered. */
  readonly searchableMs: number;
  /** Until words can be found too. */
  readonly lexicalMs: number;
  readonly viewBytes: number;
  readonly storedBytes: number;
}

let index: SearchIndex | null = null;

async function fill(passages: number, dimensions: number): Promise<FillResult> {
  // Made before anything is measured: a page gets its texts from elsewhere.
  const documents = [...syntheticDocuments(passages)];
  let longestTaskMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestTaskMs = Math.max(longestTaskMs, duration);
  });
  observer.observe({ type: "longtask" });
  const startMs = performance.now();
  const embedder = syntheticEmbedder(dimensions);
  // One passage a paragraph: a budget that two of them would exceed.
  const passageOptions = { maxTokens: MAX_TOKENS, overlapTokens: 0 };
  index = await createSearchIndex({ name: NAME, embedder, stored: "float16", passages: passageOptions });
  for (let from = 0; from < documents.length; from += DOCUMENTS_AT_ONCE) {
    await index.add(documents.slice(from, from + DOCUMENTS_AT_ONCE));
  }
  const ms = performance.now() - startMs;
  await index.save();
  observer.disconnect();
  if (index.status.vectors !== passages) throw new Error(`${index.status.vectors} passages, not ${passages}`);
  return { ms, longestTaskMs };
}

function close(): void {
  index?.dispose();
  index = null;
}

/** As a reload would: a fresh worker, everything from storage. */
async function open(dimensions: number, view: ViewOptions): Promise<OpenResult> {
  const startMs = performance.now();
  let lexicalMs = NaN;
  index = await createSearchIndex({
    name: NAME,
    embedder: syntheticEmbedder(dimensions),
    view,
    onStatus: ({ lexicalReady }) => {
      if (lexicalReady && Number.isNaN(lexicalMs)) lexicalMs = performance.now() - startMs;
    },
  });
  await index.search(question(1), { mode: "semantic" });
  const searchableMs = performance.now() - startMs;
  while (Number.isNaN(lexicalMs)) await new Promise((resolve) => setTimeout(resolve, 10));
  const { view: status, vectorBytes } = index.status;
  return { searchableMs, lexicalMs, viewBytes: status?.bytes ?? 0, storedBytes: vectorBytes };
}

/** @returns From the key to the painted results, without what embedding the query took; each in milliseconds. */
async function typeQuestions(count: number, passages: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const text = question((i * 7919) % passages);
    const startMs = performance.now();
    const { hits, timings } = await index!.search(text, { topK: TOP_K });
    document.querySelector("#hits")!.replaceChildren(...hits.map((hit) => toItem(`${hit.score} ${hit.text}`)));
    await painted();
    times.push(performance.now() - startMs - timings.embedMs);
  }
  return times;
}

function toItem(text: string): HTMLLIElement {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

/** Resolves when the browser has drawn what stands in the document now. */
function painted(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve();
      port2.postMessage(null);
    });
  });
}

async function measure(view: ViewOptions): Promise<ViewMeasurement> {
  await index!.configure(view);
  return index!.measure({ queries: 50, topK: 10 });
}

const page = { fill, close, open, typeQuestions, measure, clear: () => deleteSearchIndex(NAME), PASSAGES_PER_DOCUMENT };

/** What the command calls. */
export type IndexPage = typeof page;

Object.assign(globalThis, { indexPage: page });
