/** @file When a lost device or worker is replaced: facts in, verdict out. No timers. */
import type { EmbedError } from "../errors.ts";
import { parse, type Recall } from "./recall.ts";

/**
 * - `recover`: at once.
 * - `wait`: the browser gives no GPU before that.
 * - `no-gpu`: leave the GPU alone until the user says otherwise.
 * - `give-up`: what replaced the last one is lost too, again and again.
 */
export type Verdict =
  { readonly kind: "recover" | "no-gpu" | "give-up" } | { readonly kind: "wait"; readonly retryAfterMs: number };

/** Chromium refuses adapters to a host for 120 s from the first of two crashes of the GPU process. */
const BLOCK_MS = 120_000;

/** Five blocks: three crashes in this time mean that the model crashes the GPU about as often as the browser lets it try. */
const WINDOW_MS = 600_000;

/** The third crash can end WebGPU for the whole browser: there must be no fourth of our making. */
const MAX_CRASHES = 3;

/** A GPU process that dies reaches every page within a moment: what several of them report in this time is one crash. */
const SAME_CRASH_MS = 3_000;

/** Losses without one request served between them: what kills these workers is in none of the requests. */
const MAX_LOSSES_IN_A_ROW = 5;

const CRASHES = "strata:gpu-crashes:1";

interface Crash {
  readonly at: number;
  /** The embedder that saw it. */
  readonly by: string;
}

export interface PolicyParts {
  readonly recall: Recall;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Unlike that of any other embedder, in other tabs too. @default random */
  readonly name?: string;
}

/** Judges the losses of one embedder; remembers crashes across reloads and shares them with other tabs. */
export class RecoveryPolicy {
  readonly #recall: Recall;
  readonly #now: () => number;
  readonly #name: string;
  #lossesInARow = 0;
  #hasWaited = false;

  constructor({ recall, now, name = Math.random().toString(36).slice(2) }: PolicyParts) {
    this.#recall = recall;
    this.#now = now;
    this.#name = name;
  }

  /** GPU crashes within the last ten minutes, this page's and others'. */
  get crashes(): number {
    return this.#crashTimes().length;
  }

  /** What the crashes so far come to. */
  get standing(): Verdict {
    return this.crashes >= MAX_CRASHES ? { kind: "no-gpu" } : waitOr("recover", this.#blockedMs);
  }

  /** Milliseconds until `standing` is `recover`; 0 when it is. */
  get retryAfterMs(): number {
    const third = this.#crashTimes().at(-MAX_CRASHES) ?? -Infinity;
    return Math.max(0, this.#blockedMs, third + WINDOW_MS - this.#now());
  }

  /** Until the browser gives adapters again after two crashes; 0 when it should already. */
  get #blockedMs(): number {
    const first = this.#crashTimes().at(-2) ?? -Infinity;
    return Math.max(0, first + BLOCK_MS - this.#now());
  }

  /** @param error - What ended a worker, while it served or while it loaded. */
  lost(error: EmbedError): Verdict {
    this.#hasWaited = false;
    if (!isGpuCrash(error)) {
      return { kind: ++this.#lossesInARow > MAX_LOSSES_IN_A_ROW ? "give-up" : "recover" };
    }
    this.#note();
    return this.standing;
  }

  /** A worker that was to replace a lost one found no adapter: worth one wait. */
  refused(): Verdict {
    if (this.#hasWaited) return { kind: "no-gpu" };
    this.#hasWaited = true;
    // Without a crash of ours it was that of another site.
    const last = this.#crashTimes().at(-1) ?? this.#now();
    return waitOr("no-gpu", last + BLOCK_MS - this.#now());
  }

  /** A request was answered, so the worker is of use; or it is known to be what the worker died of. */
  served(): void {
    this.#lossesInARow = 0;
  }

  /** The user wants to try again: what is refused now is worth a wait once more. */
  asked(): void {
    this.#lossesInARow = 0;
    this.#hasWaited = false;
  }

  #note(): void {
    const recent = this.#readCrashes();
    this.#recall.write(CRASHES, JSON.stringify([...recent, { at: this.#now(), by: this.#name }]));
  }

  /** When each crash was first seen; oldest first. */
  #crashTimes(): number[] {
    const clusters: { at: number; by: Set<string> }[] = [];
    for (const { at, by } of this.#readCrashes()) {
      const last = clusters.at(-1);
      if (last && at - last.at < SAME_CRASH_MS && !last.by.has(by)) last.by.add(by);
      else clusters.push({ at, by: new Set([by]) });
    }
    return clusters.map(({ at }) => at);
  }

  #readCrashes(): Crash[] {
    const stored = parse(this.#recall.read(CRASHES));
    const now = this.#now();
    const isRecent = (crash: Partial<Crash> | null): crash is Crash =>
      typeof crash?.at === "number" && crash.at <= now && now - crash.at < WINDOW_MS;
    return Array.isArray(stored) ? stored.filter(isRecent) : [];
  }
}

/** Whether the GPU process went away, or the driver; a device that was destroyed on purpose is no crash. */
export function isGpuCrash({ details }: EmbedError): boolean {
  return details["reason"] === "unknown";
}

/** Whether a load ended because its device or its worker did, and not for what it was asked to load. */
export function isLoss({ code, details }: EmbedError): boolean {
  // With a reason, a failed check is that of a device that was lost in it.
  return code === "device-lost" || code === "worker-crashed" || (code === "numeric-fault" && "reason" in details);
}

function waitOr(kind: "recover" | "no-gpu", retryAfterMs: number): Verdict {
  return retryAfterMs > 0 ? { kind: "wait", retryAfterMs } : { kind };
}
