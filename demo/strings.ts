/** @file Every word the page shows, in one place. */
import type { ErrorCode, LoadPhase, VramUse } from "../src/index.ts";
import { formatBytes, formatCount, formatDuration } from "./format.ts";
import { modelStrings } from "./model-strings.ts";
import { searchStrings } from "./search-strings.ts";
import { panelStrings } from "./panel-strings.ts";

const REMEDIES: Readonly<Record<ErrorCode, string>> = {
  "invalid-input": "Correct the value named above and reload the page.",
  "model-not-found": "Check the address, or ?model= in the page's URL: it must be the folder that holds manifest.json.",
  "model-fetch-failed": "Check the connection and try again.",
  "model-corrupt": "The files do not match their checksums. Try again; if it stays, the copy on the server is damaged.",
  "storage-full": "Remove stored models or free some disk space for this browser, and try again.",
  "storage-busy": "Another tab of this page uses it. Close that tab, or wait until it is done, and try again.",
  "webgpu-unavailable": "Open the page without ?device=webgpu to run on the processor instead.",
  "out-of-memory": "Close other tabs that use the GPU, or allow more memory with ?budget= (in MiB), and try again.",
  "device-lost": "The graphics driver reset. Try again; what was indexed is kept.",
  "worker-crashed": "The background thread stopped. Try again; what was indexed is kept.",
  "numeric-fault":
    "No way of running the model gave correct vectors here, so none is used. Updating the driver may help.",
  "queue-full": "Too much is waiting. Try again in a moment.",
  "index-mismatch": "The model has changed under the library. Reload the page to index again.",
  aborted: "Nothing was broken. Load it again when you like.",
  disposed: "Reload the page.",
};

const PHASE_SENTENCES: Readonly<Record<LoadPhase, string>> = {
  device: "Choosing the device",
  download: "Downloading the model",
  verify: "Checking what was stored",
  weights: "Reading the weights",
  session: "Starting the runtime",
  "self-check": "Comparing with known vectors",
};

const BUDGET_SOURCES: Readonly<Record<string, string>> = {
  caller: "as asked for",
  remembered: "as this GPU bore before",
  adapter: "guessed from the GPU",
};

const VRAM_USES: Readonly<Record<VramUse, string>> = {
  weights: "Weights",
  tables: "Position tables",
  hidden: "Hidden states",
  indices: "Indices",
  kv: "Keys and values",
  readback: "Readback",
  runtime: "Runtime",
};

const UNNAMED_ADAPTER = "unnamed adapter";

export const strings = {
  name: "Strata",
  title: "Private semantic search in your browser tab",
  lead: "Search by meaning, not by keyword. The model runs here; your text and your questions go nowhere.",
  skipToSearch: "Skip to search",

  ...searchStrings,
  load: {
    heading: "Loading the model",
    sentence: (phase: LoadPhase): string => PHASE_SENTENCES[phase],
    starting: "Opening the pack",
    bytes: (loaded: number, total: number): string => `${formatBytes(loaded)} of ${formatBytes(total)}`,
    cancel: "Cancel",
  },

  models: modelStrings,

  panels: panelStrings,

  failure: {
    heading: "The model could not be loaded",
    stopped: "The model stopped",
    cancelled: "Loading was cancelled",
    parameters: "The page's address has a value that cannot be used",
    parameter: (parameter: string, value: string, allowed: string): string =>
      `?${parameter}=${value}: allowed is ${allowed}.`,
    withoutParameters: "Open without parameters",
    retry: "Try again",
    search: "This search failed",
    remedy: (code: ErrorCode): string => REMEDIES[code],
  },

  recovery: {
    recovering: "The model is being loaded again",
    blocked: "The browser gives no GPU for now",
    kept: "What is indexed stays, and what you asked for will be answered.",
    retryIn: (wait: string): string => `After two crashes browsers wait. Next try in ${wait}.`,
    processor: "Use the processor instead",
    retryGpu: "Try the GPU again",
  },

  library: {
    samplesFailed: (reason: string): string => `The sample libraries could not be loaded: ${reason}`,
  },

  status: {
    device: "Device",
    webgpu: (vendor: string, architecture: string): string =>
      `WebGPU · ${[vendor, architecture].filter((part) => part !== "").join(" ") || UNNAMED_ADAPTER}`,
    unnamedAdapter: UNNAMED_ADAPTER,
    software: "software adapter",
    wasm: "WebAssembly on the processor",
    precision: "Precision",
    activations: (activations: string): string => `${activations} activations`,
    noSubgroups: "without subgroups",
    runtime: "Runtime",
    build: (build: string): string => `ONNX Runtime Web, ${build}`,
    model: "Model",
    weights: (bits: number, dimensions: number, layers: number): string =>
      `${bits}-bit weights · ${dimensions} dimensions · ${layers} layers`,
    selfCheck: "Self-check",
    passed: (difference: string): string => `Passed, off by ${difference} at most`,
    passedBriefly: (difference: string): string =>
      `Passed in brief, off by ${difference} at most; in full within the last week`,
    failed: (execution: string, difference: string, tolerance: string): string =>
      `${execution} failed: off by ${difference}, allowed ${tolerance}`,
    vram: "GPU memory",
    vramUse: (live: number, peak: number): string => `${formatBytes(live)} now, ${formatBytes(peak)} at most`,
    vramBudget: (budget: number, source: string, predicted: number): string =>
      `Budget ${formatBytes(budget)} (${BUDGET_SOURCES[source] ?? source}); planned for ${formatBytes(predicted)}`,
    vramPart: (use: VramUse): string => VRAM_USES[use],
    layers: (resident: number, streamed: number): string =>
      streamed === 0 ? `All ${resident} layers resident` : `${resident} layers resident, ${streamed} streamed`,
    recoveries: "Recoveries",
    recovered: (count: number, lastLoss: string): string => `${formatCount(count)}; last: ${lastLoss}`,
    latency: "Query latency",
    latencies: (p50: number, p95: number): string =>
      `${formatDuration(p50)} typical, ${formatDuration(p95)} for the slowest 5 %`,
    loadTime: "Load",
    other: "Hand-over",
    loadManifest: "Manifest",
    loadDownload: "Download",
    loadDevice: "Device",
    loadRuntime: "Runtime",
    loadSession: "Session",
    loadWeights: "Weights",
    loadTokenizer: "Tokenizer",
    loadSelfCheck: "Self-check",
  },

  offline: {
    online: "Online",
    offline: "Offline",
    saved: {
      "not-saved": "Not installed for offline use",
      saving: "Saving for offline use…",
      saved: "Saved for offline use",
    },
    requests: (count: number | null): string =>
      `Requests made since load: ${count === null ? "–" : formatCount(count)}`,
    counted: {
      all: "By this page, its background threads and its other tabs. The browser’s own check for a new version of the page is not counted.",
      page: "By this tab of the page",
    },
    threadsNextVisit: "(background threads are counted from the next visit)",
    threadsUncounted: "(background threads are not counted)",
    update: "A new version is ready.",
    updating: "The new version is opening…",
    reload: "Reload",
    later: "Later",
  },

  footer:
    "Strata runs Qwen3-Embedding models layer by layer, in the browser. The built-in model is a small one for trying out.",
} as const;
