/** @file Every word of the model panel; part of `strings`. */
import type { AssessmentReason, DownloadPhase, DownloadProgress, StoredPack, Verdict } from "../src/index.ts";
import { formatBytes, formatCount, formatDate, formatRemaining } from "./format.ts";

const VERDICTS: Readonly<Record<Verdict, string>> = {
  runs: "Runs here",
  streams: "Runs layer by layer",
  slow: "Slow here",
  cannot: "Does not run here",
};

const DOWNLOAD_PHASES: Readonly<Record<DownloadPhase, string>> = {
  manifest: "Finding out what is missing",
  download: "Downloading",
  verify: "Checking what was stored",
};

function reason(fact: AssessmentReason): string {
  switch (fact.code) {
    case "webgpu-missing":
      return fact.required ? `WebGPU is asked for, but ${fact.why}.` : `Runs on the processor: ${fact.why}.`;
    case "software-adapter":
      return "Runs on the processor: the only GPU here is emulated, which is slower.";
    case "f16-missing":
      return "Runs in f32: this GPU has no f16.";
    case "layers-streamed":
      return `${fact.residentLayers} layers stay in GPU memory, ${fact.streamedLayers} are brought in anew for each batch.`;
    case "low-speed":
      return fact.measured
        ? "A question takes more than a second, a library much longer."
        : "Devices like this one take more than a second for a question.";
    case "storage-missing":
      return "Nothing can be stored here: it would be fetched at each visit.";
    case "storage-too-small":
      return `Needs ${formatBytes(fact.neededBytes)} of storage; ${formatBytes(fact.freeBytes)} are free.`;
    case "binding-too-small":
      return `One weight takes ${formatBytes(fact.neededBytes)}; this GPU lets a program see ${formatBytes(fact.limitBytes)} at once.`;
    case "memory-too-small":
      return `Needs ${formatBytes(fact.neededBytes)} of memory; it may take ${formatBytes(fact.limitBytes)} here.`;
  }
}

function transfer({ bytesPerSecond, remainingMs }: DownloadProgress): string {
  const speed = bytesPerSecond === null ? "" : `${formatBytes(bytesPerSecond)}/s`;
  return [speed, remainingMs === null ? "" : `about ${formatRemaining(remainingMs)} left`].filter(Boolean).join(", ");
}

/** Enough of a hash to tell it from others. */
const MAX_REVISION = 19;

/** Two digits: an estimate has no more. */
function roundOff(value: number): number {
  return Number(value.toPrecision(2));
}

export const modelStrings = {
  heading: "Models",
  lead: "What this device can run, before anything is downloaded.",
  change: "Change model",
  missed: {
    gone: (name: string): string => `${name} is no longer stored here, so the built-in model was loaded.`,
    died: (name: string): string =>
      `The last visit ended while it loaded ${name}: this device may have too little memory for it. The built-in model was loaded.`,
  },
  inUse: "In use",
  use: "Use",
  useIt: "Use it now",

  context: "Longest text",
  tokens: (tokens: number): string => `${formatCount(tokens)} tokens`,

  verdict: (verdict: Verdict): string => VERDICTS[verdict],
  reason,
  assessing: "Asking the browser what it has",
  shape: (layers: number, dimensions: number, bits: number): string =>
    `${layers} layers · ${formatCount(dimensions)} dimensions · ${bits}-bit`,
  builtIn: "Comes with the page: small, quick, for trying out",
  size: "Size",
  memory: "Memory",
  memoryOf: (bytes: number, on: "webgpu" | "wasm"): string =>
    `${formatBytes(bytes)} ${on === "webgpu" ? "on the GPU" : "for the tab"}`,
  speed: "Speed",
  speedOf: (tokensPerSecond: number): string =>
    tokensPerSecond < 1.5
      ? "about a token a second, or less"
      : `about ${formatCount(roundOff(tokensPerSecond))} tokens/s`,
  noSpeed: "known once a model has run",

  get: "Get this model",
  getNote: "No ready-made pack of it is published by this project. Bring one from wherever you keep it:",
  address: "Hub id or URL",
  addressHint: "owner/repo, owner/repo@revision, or the URL of the pack’s folder",
  addressWrong: "This is neither a hub id such as owner/repo nor an https URL.",
  more: "More",
  endpoint: "Hub endpoint",
  endpointHint: "For a mirror; empty for huggingface.co",
  path: "Folder in the repository",
  token: "Access token",
  tokenHint: "For private repositories. Kept in this tab only, never stored.",
  look: "Look it up",
  folder: "Choose a folder",
  folderOr: "From a disk or a USB stick:",
  dropHint: "or drop the folder anywhere on this panel.",
  dropNow: "Drop the pack’s folder",
  noFolder: "What was dropped is not a folder, or this browser does not hand folders over. Choose the folder instead.",
  make: "How to make a pack",
  makeNote: "In a copy of Strata’s repository, with Node; takes the weights from the hub once:",

  arrival: {
    heading: "Download",
    looking: (name: string): string => `Looking at ${name}`,
    offered: (name: string): string => `${name} can be downloaded`,
    offeredComplete: (name: string): string => `${name} is stored here already`,
    offeredUnstored: (name: string): string => `${name} cannot be stored here`,
    unstored: (why: string): string => `It would be read from its source at each visit: ${why}.`,
    missing: (missing: number, total: number): string =>
      missing === total
        ? `${formatBytes(total)} to download`
        : `${formatBytes(missing)} of ${formatBytes(total)} still to download`,
    revision: (revision: string): string =>
      `Revision ${revision.length > MAX_REVISION ? `${revision.slice(0, MAX_REVISION)}…` : revision}`,
    downloading: (name: string): string => `Downloading ${name}`,
    paused: (name: string): string => `${name} is paused`,
    pausedNote: "What has arrived stays stored, over reloads too.",
    failed: (name: string): string => `${name} could not be downloaded`,
    stored: (name: string): string => `${name} is stored and checked`,
    storedNote: "It opens without a network from now on. Using it indexes the library anew.",
    phase: (phase: DownloadPhase): string => DOWNLOAD_PHASES[phase],
    starting: "Starting",
    bytes: (loaded: number, total: number): string => `${formatBytes(loaded)} of ${formatBytes(total)}`,
    transfer,
    otherTab: "Another tab is downloading it; this one uses the result.",
    trouble: (why: string): string => `Connection lost, trying again: ${why}`,
    room: (needed: number, free: number): string =>
      `It needs ${formatBytes(needed)}, and ${formatBytes(free)} are free.`,
    makeRoom: "Removing a stored model makes room:",
    denied: "The server wants to know who asks: give an access token under “More”.",
    download: "Download",
    useUnstored: "Use without storing",
    pause: "Pause",
    resume: "Continue",
    retry: "Try again",
    cancel: "Cancel",
    close: "Close",
  },

  confirm: {
    cancel: (bytes: number): string => `Cancel and delete the ${formatBytes(bytes)} that are here?`,
    remove: (bytes: number): string => `Delete ${formatBytes(bytes)} from this browser?`,
    yes: "Delete",
    no: "Keep",
  },

  stored: {
    heading: "Stored in this browser",
    none: "No models are stored yet. The built-in one comes with the page.",
    missing: (why: string): string => `Nothing can be stored here: ${why}.`,
    size: ({ state, storedBytes, totalBytes }: StoredPack): string =>
      state === "complete"
        ? formatBytes(totalBytes)
        : `incomplete, ${formatBytes(storedBytes)} of ${formatBytes(totalBytes)}`,
    lastUsed: (ms: number): string => `last used ${formatDate(ms)}`,
    neverUsed: "not used yet",
    busy: "in use",
    from: (origin: string): string => `from ${origin}`,
    needsFolder: "To go on, choose its folder again.",
    actions: (name: string): string => `Actions for ${name}`,
    verify: "Verify",
    resume: "Continue",
    repair: "Repair",
    remove: "Remove",
    verifying: (done: number, total: number): string => `Checking, ${formatBytes(done)} of ${formatBytes(total)}`,
    verified: (bytes: number): string => `All ${formatBytes(bytes)} are as they should be.`,
    damaged: (files: readonly string[]): string =>
      `Damaged: ${files.slice(0, 3).join(", ")}${files.length > 3 ? ` and ${files.length - 3} more` : ""}.`,
    removing: "Removing",
  },

  device: {
    heading: "This device",
    gpu: "GPU",
    noGpu: "None",
    onGpu: "Models run on it.",
    onProcessor: (why: string): string => `Models run on the processor instead: ${why}.`,
    softwareNote: "It is emulated by the processor, so models run there directly.",
    f16: "Half precision (f16)",
    yes: "Yes",
    no: "No",
    f16Yes: "Intermediate results can take half the memory.",
    f16No: "Models run in f32: the same weights, twice the intermediate results.",
    buffer: "Largest buffer",
    bufferOf: (buffer: number, binding: number): string =>
      `${formatBytes(buffer)}, ${formatBytes(binding)} of it at once`,
    bufferNote: "No single weight may be larger; the GPU’s memory is guessed from it.",
    memory: "Memory",
    memoryOf: (gib: number): string => (gib >= 8 ? "8 GB or more" : `about ${gib} GB`),
    memoryNote: "As the browser tells it.",
    storage: "Storage",
    storageOf: (free: number, used: number): string => `${formatBytes(free)} free, ${formatBytes(used)} used`,
    storageNote: "The browser’s estimate; what it really allows may be less.",
    persisted: "Kept",
    persistedYes: "Until you remove it",
    persistedNo: "Until the browser needs the room",
    persistedYesNote: "The browser has promised not to clear it by itself.",
    persistedNoNote: "The first download asks the browser to promise more.",
  },
} as const;
