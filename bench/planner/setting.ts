/** @file What scenarios run in and what they report. */
import type { Browser, Page } from "@playwright/test";
import type { PackManifest } from "../../src/pack.ts";
import type { AdapterFacts, EmbedderStatus } from "../../src/types.ts";
import { inPage, withBrowser } from "../harness/browser.ts";
import type { LoadChoice } from "../harness/page.ts";
import type { PackName, Sizes } from "./sizes.ts";

export interface Setting {
  readonly device: "wasm" | "webgpu";
  readonly sizes: Sizes;
  /** How often each side of a comparison is measured. */
  readonly rounds: number;
  readonly manifests: Readonly<Record<PackName, PackManifest>>;
  /** URL of the server. */
  readonly server: string;
  readonly browser: Browser;
  /** The GPU of the last embedder that had one. */
  adapter: AdapterFacts | null;
}

/** A number beside its limit. */
export interface Check {
  readonly what: string;
  readonly measured: string;
  readonly limit: string;
  /** `null` where the limit is not of this machine. */
  readonly passed: boolean | null;
}

/** What a scenario found out. */
export interface Section {
  readonly title: string;
  readonly checks: readonly Check[];
  /** Blocks of Markdown. */
  readonly details: readonly string[];
}

/** A page with a loaded embedder, as `bench` in it. */
export interface EmbedderPlace {
  readonly page: Page;
  readonly manifest: PackManifest;
  readonly status: EmbedderStatus;
}

/** Where a pack is served. */
export function packPath(name: PackName): string {
  return `/packs/${name}/`;
}

/**
 * @param how - `fresh`: in a browser of its own; `onPage`: called before anything is loaded.
 */
export async function withEmbedder<T>(
  setting: Setting,
  how: {
    readonly pack: PackName;
    readonly choice?: LoadChoice;
    readonly fresh?: boolean;
    readonly onPage?: (page: Page) => Promise<void>;
  },
  task: (place: EmbedderPlace) => Promise<T>,
): Promise<T> {
  const { device, server, manifests } = setting;
  const { pack, onPage } = how;
  const at = { url: new URL("bench/harness/index.html", server).href, ready: "bench", ...(onPage && { onPage }) };
  const inBrowser = (browser: Browser): Promise<T> =>
    inPage(browser, at, async (page) => {
      const status = await page.evaluate(({ path, choice }) => bench.open(path, choice), {
        path: packPath(pack),
        choice: { device, ...how.choice },
      });
      setting.adapter = status.device.adapter ?? setting.adapter;
      return task({ page, manifest: manifests[pack], status });
    });
  return how.fresh ? withBrowser(inBrowser) : inBrowser(setting.browser);
}

/** Middle of the values, the lower one of two. */
export function median(values: readonly number[]): number {
  return quantileOf(values, 0.5);
}

/** @param q - From 0 to 1. @returns One of the values; NaN when there are none. */
export function quantileOf(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN;
}

/** Median and range. */
export function spread(values: readonly number[], digits = 0): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function largestDifference(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}

/** How far the last values are from the first, relative. */
export function change(first: number, last: number): number {
  return first === last ? 0 : last / first - 1;
}

export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}
