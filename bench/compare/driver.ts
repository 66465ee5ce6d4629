/**
 * @file The page of `npm run bench`: one contender, driven from outside. With an order in the URL's hash it goes to work
 * by itself, as a page does that a visitor opens.
 */
import type {
  Contender,
  ContenderModel,
  ContenderName,
  Dispatches,
  EmbedCall,
  GpuUsage,
  OpenOutcome,
} from "./contender.ts";
import { embedWithQueries, type BulkCall, type BulkOutcome } from "./bulk-call.ts";

/** An embed call's outcome as it leaves the page. */
export interface DriverSample {
  /** `[texts × dimensions]`, row-major; empty when nobody wants them. */
  readonly vectors: readonly number[];
  readonly dimensions: number;
  readonly totalMs: number;
  readonly usage: GpuUsage;
}

/** What a visit brings, from the start of the navigation. */
export interface ColdStart {
  readonly firstVectorMs: number;
  /** When the page's script began to run. */
  readonly scriptMs: number;
  readonly opened: OpenOutcome;
  readonly embedMs: number;
  readonly vector: readonly number[];
}

export interface ColdOrder {
  readonly name: ContenderName;
  readonly model: ContenderModel;
  readonly text: string;
}

/** What `npm run bench` calls from outside. */
export interface Driver {
  open(name: ContenderName, model: ContenderModel): Promise<OpenOutcome>;
  embed(call: EmbedCall): Promise<DriverSample>;
  /** One text a call, one after the other. @returns Milliseconds of each. */
  embedEach(calls: readonly EmbedCall[]): Promise<number[]>;
  embedWithQueries(call: BulkCall): Promise<BulkOutcome>;
  setDispatches(dispatches: Dispatches): Promise<void>;
  /** Ends the worker; the next `open` starts a new one. */
  close(): void;
  /** Of the order in the URL, when it is done. */
  coldStart: ColdStart | null;
  /** Why it failed. */
  coldError: string | null;
}

declare global {
  var driver: Driver;
}

let contender: Contender | undefined;

globalThis.driver = {
  coldStart: null,
  coldError: null,
  async open(name, model) {
    contender = await contenderOf(name);
    return contender.open(model);
  },
  async embed(call) {
    await opened().usage();
    const { vectors, dimensions, totalMs } = await opened().embed(call);
    return { vectors: [...vectors], dimensions, totalMs, usage: await opened().usage() };
  },
  async embedEach(calls) {
    const times: number[] = [];
    for (const call of calls) times.push((await opened().embed(call)).totalMs);
    return times;
  },
  embedWithQueries: (call) => embedWithQueries(opened(), call),
  setDispatches: (dispatches) => opened().setDispatches(dispatches),
  close: () => contender?.close(),
};

const order = location.hash.length > 1 ? (JSON.parse(decodeURIComponent(location.hash.slice(1))) as ColdOrder) : null;
if (order) await startCold(order);

/** Neither page carries the other's code. */
async function contenderOf(name: ContenderName): Promise<Contender> {
  if (name === "strata") return (await import("./strata.ts")).strataContender();
  return (await import("./transformers.ts")).transformersContender();
}

function opened(): Contender {
  if (!contender) throw new Error("no contender is open");
  return contender;
}

async function startCold({ name, model, text }: ColdOrder): Promise<void> {
  const scriptMs = performance.now();
  try {
    const opening = await driver.open(name, model);
    const { vectors, totalMs } = await opened().embed({ texts: [text], batchSize: 1, role: "document" });
    // `performance.now()` counts from the start of the navigation.
    const firstVectorMs = performance.now();
    driver.coldStart = { firstVectorMs, scriptMs, opened: opening, embedMs: totalMs, vector: [...vectors] };
  } catch (error) {
    driver.coldError = String(error);
  }
}
