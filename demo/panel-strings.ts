/** @file Every word of the panels: indexing, map, engine, library; part of `strings`. */
import { formatBytes, formatCount, formatDate, formatRemaining } from "./format.ts";
import type { MapRegion } from "./map/map-view.ts";

const REGIONS: Readonly<Record<MapRegion, string>> = {
  "top-left": "top left",
  "top-centre": "top",
  "top-right": "top right",
  "middle-left": "left",
  "middle-centre": "middle",
  "middle-right": "right",
  "bottom-left": "bottom left",
  "bottom-centre": "bottom",
  "bottom-right": "bottom right",
};

const passages = (count: number): string => (count === 1 ? "1 passage" : `${formatCount(count)} passages`);
const documents = (count: number): string => (count === 1 ? "1 document" : `${formatCount(count)} documents`);

export const panelStrings = {
  passages,
  documents,

  indexing: {
    heading: "Indexing",
    embedding: (title: string): string => `Embedding “${title}”`,
    working: "Embedding",
    splitting: "Reading what was added and splitting it into passages",
    starting: "Starting",
    empty: "Nothing to index yet",
    done: (count: number): string => `All ${passages(count)} can be found by meaning`,
    doneBut: (count: number, refused: number): string =>
      `${passages(count)} can be found by meaning. ${passages(refused)} can be found by their words alone: the model cannot take them.`,
    waiting: (count: number): string => `${passages(count)} wait for the model. They can be found by their words.`,
    paused: (count: number): string => `Paused: ${passages(count)} to go`,
    stopped: (count: number): string => `Stopped: ${passages(count)} to go. The next visit will not go on by itself.`,
    failed: (count: number): string => `Indexing has failed: ${passages(count)} to go`,
    mismatch: (count: number): string =>
      `The library was indexed with another model. ${passages(count)} can be found by their words.`,
    reindex: "Index again with this model",
    readOnly: "Another tab of this page writes to the library.",
    progress: (done: number, total: number): string => `${formatCount(done)} of ${formatCount(total)} passages`,
    passageRate: (rate: string): string => `${rate} passages/s`,
    tokenRate: (rate: string): string => `${rate} tokens/s`,
    remaining: (ms: number): string => `about ${formatRemaining(ms)} left`,
    pause: "Pause",
    resume: "Continue",
    stop: "Stop",
    stopTitle: "Pauses until you continue, even after the page is loaded again",
    retry: "Try again",
    announceProgress: (percent: number): string => `Indexing, ${percent} percent done`,
  },

  map: {
    heading: "Map of the library",
    lead: "Each point is a passage; what lies close together is about similar things.",
    reading: "Reading vectors",
    layingOut: "Laying out the map",
    cancel: "Cancel",
    cancelled: "The map was not drawn.",
    draw: "Draw the map",
    redraw: "Draw anew",
    stale: "The library has changed since.",
    failed: "The map could not be drawn",
    tooFew: (least: number): string => `A map needs at least ${formatCount(least)} indexed passages.`,
    sampled: (shown: number, all: number): string =>
      `${formatCount(shown)} of ${formatCount(all)} passages, evenly taken, and your hits`,
    all: (shown: number): string => `All ${passages(shown)}`,
    components: "placed by their two principal components, since they are few",
    label: (points: number, groups: number): string =>
      `Map of ${passages(points)} in ${groups === 1 ? "1 group" : `${formatCount(groups)} groups`}. The hits that are on it are listed below.`,
    legend: "Groups on the map",
    rest: "Others",
    query: "Your search",
    hit: "Hit",
    hits: "Hits on the map",
    noHits: "Search to see your hits on the map.",
    hitsMissing: (missing: number): string =>
      missing === 1
        ? "1 hit is not among the passages drawn."
        : `${formatCount(missing)} hits are not among the passages drawn.`,
    noneOnMap: "No hit of this search is on the map.",
    queryAt: (region: MapRegion): string => `Your search lies at the ${REGIONS[region]} of the map.`,
    at: (region: MapRegion): string => `at the ${REGIONS[region]} of the map`,
    open: "Click to open",
  },

  engine: {
    heading: "Under the hood",
    query: "Last query",
    noQuery: "Search to see where the time goes",
    embed: "Embed",
    scan: "Scan",
    lexical: "Words",
    read: "Read",
    memory: "GPU memory, last minute",
    memoryNone: "Runs on the processor: no GPU memory is used.",
    memoryLine: (live: number, peak: number): string => `${formatBytes(live)} now, ${formatBytes(peak)} at most`,
    memoryChart: (live: number, peak: number, budget: number | null): string =>
      `GPU memory over the last minute: ${formatBytes(live)} now, ${formatBytes(peak)} at most${
        budget === null ? "" : `, budget ${formatBytes(budget)}`
      }`,
    budget: (bytes: number): string => `Budget ${formatBytes(bytes)}`,
    layers: "Layers",
    resident: (count: number): string => `${formatCount(count)} resident`,
    streamed: (count: number): string => `${formatCount(count)} streamed`,
    queue: "Queue",
    queueEmpty: "Nothing waits",
    queueOf: (requests: number, tokens: number): string =>
      `${requests === 1 ? "1 request" : `${formatCount(requests)} requests`}, ${formatCount(tokens)} tokens`,
    priorities: { interactive: "Searches", normal: "Others", bulk: "Indexing" },
    index: "Index",
    counts: (documentCount: number, passageCount: number): string =>
      `${documents(documentCount)}, ${passages(passageCount)}`,
    vectorCount: (vectors: number, dimensions: number | null): string =>
      dimensions === null
        ? "No vectors yet"
        : `${formatCount(vectors)} vectors of ${formatCount(dimensions)} dimensions`,
    stored: (bytes: number): string => `${formatBytes(bytes)} of vectors stored`,
    unkept: "In memory only: nothing is stored",
    view: "Searched in memory",
    viewOf: (bytes: number, dimensions: number, precision: string): string =>
      `${formatBytes(bytes)}: ${formatCount(dimensions)} dimensions, ${precision}`,
    rescored: "best candidates compared again by their stored vectors",
    scanKinds: { cpu: "Processor", webgpu: "GPU" },
    compared: "Compared by",
    network: "Network",
    requests: (count: number): string => `Requests since the model was loaded: ${formatCount(count)}`,
    networkUnknown: "Counted as soon as the model is loaded",
    offline: "The network is off; everything works.",
    details: "Device, self-checks, load",
    indexDetails: "Index and vectors",
  },

  library: {
    heading: "Library",
    figures: (documentCount: number, passageCount: number): string =>
      documentCount === 0 ? "Empty" : `${documents(documentCount)}, ${passages(passageCount)}`,
    add: "Add your own",
    drop: "Drop files or folders anywhere on this page.",
    dropNow: "Drop to add to the library",
    files: "Choose files",
    folder: "Choose a folder",
    paste: "Paste a text",
    pasteLabel: "Text",
    pasteTitle: "Title, if it has one",
    pasteAdd: "Add text",
    url: "Add a web page",
    urlPlaceholder: "https://…",
    urlAdd: "Add page",
    urlNote: "Of this site, or of one that lets other pages read it (CORS).",
    kinds:
      "Text, Markdown, HTML, PDF, Word, EPUB, CSV and JSON. Ctrl+V adds what you have copied. Nothing leaves this browser.",
    outcomes: "Added and refused",
    added: (count: number): string => documents(count),
    notAdded: "Not added",
    pasted: "Pasted text",
    olderOutcomes: (count: number): string => `and ${formatCount(count)} more before these`,
    samples: "Ready-made libraries",
    samplesNote: "Already indexed with the built-in model: they can be searched at once.",
    sampleSize: (passageCount: number, bytes: number): string => `${passages(passageCount)}, ${formatBytes(bytes)}`,
    sampleAdd: "Add",
    sampleAddLabel: (title: string): string => `Add ${title}`,
    documents: "Documents",
    search: "Find a document",
    page: (from: number, to: number, all: number): string =>
      `${formatCount(from)}–${formatCount(to)} of ${formatCount(all)}`,
    previous: "Previous",
    next: "Next",
    noMatch: (query: string): string => `No document’s title has “${query}” in it.`,
    documentFacts: (passageCount: number, vectors: number, addedAt: number): string =>
      `${passages(passageCount)}${vectors < passageCount ? `, ${formatCount(vectors)} indexed` : ""} · ${formatDate(addedAt)}`,
    remove: "Remove",
    removeLabel: (title: string): string => `Remove ${title}`,
    removeQuestion: (title: string): string => `Remove “${title}”?`,
    settings: "How documents are split",
    passageSize: "Longest passage",
    overlap: "Overlap",
    tokens: (count: number): string => `${formatCount(count)} tokens`,
    whole: "Whole documents",
    settingsNote: "Short passages point at a sentence, long ones keep more of what is around it.",
    settingsLocked: "A library keeps to how it was split. Clear it to choose anew.",
    wholeNote:
      "One vector for each document, of up to as many tokens as the model reads; hits then show its beginning.",
    file: "Save, open, clear",
    fileNote: "One file with all documents, passages and vectors; it opens in any browser that has this page.",
    export: "Save to a file",
    import: "Open a file",
    transfer: {
      import: (name: string): string => (name === "" ? "Opening a saved library" : `Opening ${name}`),
      export: (): string => "Writing the file",
      sample: (name: string): string => `Adding ${name}`,
    } satisfies Record<string, (name: string) => string>,
    transferProgress: (done: number, total: number): string => `${formatCount(done)} of ${documents(total)}`,
    storage: (used: number): string => `${formatBytes(used)} are stored in this browser, models included. See`,
    modelsLink: "Models",
    clear: "Clear the library",
    clearQuestion: (documentCount: number): string => `Remove all ${documents(documentCount)}?`,
  },
} as const;
