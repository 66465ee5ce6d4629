/** @file The words around searching: box, modes, filters, results, documents, vectors. */
import type { Precision, SearchMode } from "../src/index.ts";
import { formatBytes, formatCount, formatDuration } from "./format.ts";
import type { Facet } from "./question.ts";

const MODES: Readonly<Record<SearchMode, string>> = { hybrid: "Hybrid", semantic: "Meaning", lexical: "Words" };

const BADGES: Readonly<Record<SearchMode, string>> = {
  hybrid: "Hybrid: words + meaning",
  semantic: "Meaning",
  lexical: "Words only",
};

const FACET_NAMES: Readonly<Record<Facet, string>> = {
  library: "Library",
  author: "Author",
  work: "Work",
  subject: "Subject",
  source: "Source",
  folder: "Folder",
  type: "Type",
};

const PRECISION_NAMES: Readonly<Record<Precision, string>> = {
  float32: "float32 · 32 bits",
  float16: "float16 · 16 bits",
  int8: "int8 · 8 bits",
  binary: "binary · 1 bit",
};

/** What is said of a loaded model in one line. */
interface ModelFactsShown {
  readonly name: string;
  readonly where: string;
  readonly dimensions: number;
  readonly bits: number;
}

/** Instructions to choose from; the texts are what the model reads, and it was trained on English ones. */
export const INSTRUCTIONS = [
  { name: "Similar topic", text: "Given a text, retrieve passages on the same topic" },
  { name: "Same argument", text: "Given a claim, retrieve passages that make the same argument" },
  { name: "Opposite view", text: "Given a claim, retrieve passages that argue against it" },
  { name: "Evidence", text: "Given a claim, retrieve passages that support or refute it" },
  { name: "Duplicate", text: "Given a question, retrieve questions that ask the same" },
  { name: "Code", text: "Given a description, retrieve code that does it" },
  { name: "Same mood", text: "Given a text, retrieve passages with the same mood" },
] as const;

export const searchStrings = {
  search: {
    label: "Search the library",
    placeholder: "Ask in your own words",
    hint: "Press / to search, arrow keys to move through results, Enter to expand, Esc to clear.",
    clear: "Clear the search",
    suggested: "Suggested questions",
  },

  mode: {
    label: "Search by",
    name: (mode: SearchMode): string => MODES[mode],
    hint: {
      hybrid: "Finds passages by what they mean and by the words in them",
      semantic: "Finds passages by what they mean, whatever their words",
      lexical: "Finds passages by the words in them",
    } satisfies Record<SearchMode, string>,
    more: "Options",
    bestOnly: "Best passage per document",
  },

  instruction: {
    label: "What counts as similar",
    hint: "The model reads this with your question. It changes what is near; try several.",
    standard: "Answers the question",
    own: "In your own words…",
    ownLabel: "Your own instruction",
    ownPlaceholder: "Given a recipe, retrieve recipes with the same ingredients",
    unused: "Not used when searching by words",
  },

  filters: {
    label: "Filters",
    name: (facet: Facet): string => FACET_NAMES[facet],
    all: (facet: Facet): string => `${FACET_NAMES[facet]}: all`,
    value: (value: string, documents: number): string => `${value} (${formatCount(documents)})`,
    remove: (facet: Facet, value: string): string => `Remove the filter ${FACET_NAMES[facet]}: ${value}`,
    clear: "Clear filters",
  },

  results: {
    heading: "Results",
    tabs: "What to show",
    results: "Results",
    map: "Map",
    emptyTitle: "What would you like to know?",
    empty: "Type a question or pick one above. The answer may use none of your words.",
    noneTitle: "Nothing close",
    none: (query: string): string => `No passage comes near “${query}”. Try other words, or add files of your own.`,
    noneLike: "No other passage is near this one.",
    noneFiltered: "Nothing that the filters let through comes near. Clear a filter to see more.",
    noneWordsTitle: "None of these words",
    noneWords: (query: string): string =>
      `No passage has a word of “${query}”. Search by meaning, try other words, or add files of your own.`,
    noWordsTitle: "None of these words yet",
    noWords: "No passage has a word of your question. Meaning follows when the model is loaded.",
    noPassagesTitle: "The library is empty",
    noPassages: "Add files of your own, or one of the sample libraries, to have something to search.",
    soonTitle: "One moment",
    soon: "The library is being opened.",
    arriving: "Nothing found so far. Passages are still coming in.",
    waitingTitle: "Meaning needs the model",
    waiting: "Your search runs as soon as the model is loaded. Words can be searched now.",
    waitingAction: "Search by words meanwhile",
    found: (shown: number, passages: number): string =>
      `Closest ${formatCount(shown)} of ${formatCount(passages)} passages`,
    announce: (shown: number, query: string, best: string): string =>
      `${formatCount(shown)} results for ${query}. First: ${best}`,
    announceLike: (shown: number, best: string): string => `${formatCount(shown)} similar passages. First: ${best}`,
    rank: (rank: number): string => `Result ${rank}`,
    untitled: "Untitled",
    cosine: (score: string): string => `Cosine similarity ${score}`,
    words: (share: string): string => `Words match, ${share} of the best`,
    badge: (mode: SearchMode): string => BADGES[mode],
    badgeWaiting: "Words only · meaning follows",
    badgeLoading: (share: string): string => `Words only · meaning follows, model at ${share}`,
    badgeStandIn: "Words first · meaning is being computed",
    badgeMismatch: "Words only · the vectors are another model’s",
    badgeLike: "Meaning: like a passage",
    badgeIdle: "Type to search",
    like: "More like this",
    likeState: (title: string): string => `More like “${title}”`,
    likeUntitled: "More like this passage",
    back: "Back to the question",
    open: "Open document",
    more: (count: number): string =>
      count === 1 ? "1 more passage in this document" : `${formatCount(count)} more passages in this document`,
    fewer: "Hide",
    within: "Nearest in this document",
    noneWithin: "No other passage of this document comes near.",
  },

  copy: {
    link: "Copy link",
    code: "Copy code",
    copied: "Copied",
    failed: "The browser did not allow it",
    codeHint: "TypeScript that makes the same search with the library",
  },

  document: {
    close: "Close",
    loading: "Opening the document…",
    missing: "This document is not in the library of this browser.",
    untitled: "Untitled document",
  },

  keys: {
    heading: "Keys",
    close: "Close",
    list: [
      ["/", "To the search box"],
      ["↓ ↑", "Through the results"],
      ["Enter", "Show the whole passage"],
      ["o", "Open the document of a result"],
      ["m", "More like a result"],
      ["Esc", "Close what is open, else clear the search"],
      ["?", "This list"],
    ] as const,
    show: "All keys",
  },

  vectors: {
    heading: "Vectors",
    lead: "Shorter and coarser vectors take less memory and time, and may miss something. See how much.",
    dimensions: "Dimensions",
    of: (dimensions: number, all: number): string => `${formatCount(dimensions)} of ${formatCount(all)}`,
    precision: "Precision",
    precisionName: (precision: Precision): string => PRECISION_NAMES[precision],
    rescore: "Compare the best anew, exactly",
    size: "Size in memory",
    sizeValue: (bytes: number, exact: number): string => `${formatBytes(bytes)} (exact: ${formatBytes(exact)})`,
    recall: "Found of the exact top 10",
    recallValue: (share: number): string => `${(share * 100).toFixed(1)} %`,
    time: "Time to compare",
    timeValue: (ms: number, exact: number): string => `${formatDuration(ms)} (exact: ${formatDuration(exact)})`,
    scan: { cpu: "on the processor", webgpu: "on the GPU" },
    measuring: "Measuring…",
    failed: (reason: string): string => `Could not be measured: ${reason}`,
    none: "There is something to measure as soon as passages have vectors.",
  },

  model: {
    label: "Model",
    ready: "Model ready",
    missing: "No model: words only",
    gpu: "on the GPU",
    processor: "on the processor",
    facts: ({ name, where, dimensions, bits }: ModelFactsShown): string =>
      `${name} ${where} · ${formatCount(dimensions)} dimensions · ${bits}-bit weights`,
  },
} as const;
