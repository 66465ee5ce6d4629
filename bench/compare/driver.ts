/**
 * @file The page of `npm run bench`: one contender, driven from outside. With an order in the URL's hash it goes to work
 * by itself, as a page does that a visitor opens.
 */
import { embedWithQueries, type BulkCall, type BulkOutcome } from "./bulk-call.ts";
import type {
  Contender,
  ContenderModel,
  ContenderName,
  Dispatches,
  EmbedCall,
  GpuUsage,
  OpenOutcome,
} from "./contender.ts";

/** What came of some calls. */
export interface DriverSample {
  /** `[texts × dimensions]`, row-major. */
  readonly vectors: readonly number[];
  /** Of all together. */
  readonly totalMs: number;
  /** Of each call. */
  readonly callMs: readonly number[];
  /** Before the first. */
  readonly idleBytes: number;
  readonly usage: GpuUsage;
}

/** What a visit brings; milliseconds count from the start of the navigation. */
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
  /** One after the other. */
  embed(calls: readonly EmbedCall[]): Promise<DriverSample>;
  embedWithQueries(call: BulkCall): Promise<BulkOutcome & Omit<DriverSample, "vectors" | "callMs">>;
  /** One call whose vectors nobody may look at, without a dispatch: what it allocates. From here on nothing is computed. */
  rehearse(call: EmbedCall): Promise<Omit<DriverSample, "vectors" | "callMs">>;
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
  embed: (calls) =>
    watched(async (open) => {
      const vectors: number[] = [];
      const callMs: number[] = [];
      for (const call of calls) {
        const outcome = await open.embed(call);
        for (const value of outcome.vectors) vectors.push(value);
        callMs.push(outcome.totalMs);
      }
      return { vectors, callMs, totalMs: callMs.reduce((sum, ms) => sum + ms, 0) };
    }),
  embedWithQueries: (call) => watched((open) => embedWithQueries(open, call)),
  rehearse: (call) =>
    watched(async (open) => {
      await open.setDispatches("left-out" satisfies Dispatches);
      const started = performance.now();
      await open.embed(call).catch((error: unknown) => {
        // What was not computed may well be no direction; that is no failure here.
        if ((error as { code?: unknown }).code !== "numeric-fault") throw error;
      });
      return { totalMs: performance.now() - started };
    }),
};

const order = location.hash.length > 1 ? (JSON.parse(decodeURIComponent(location.hash.slice(1))) as ColdOrder) : null;
if (order) await startCold(order);

/** Neither page carries the other's code. */
async function contenderOf(name: ContenderName): Promise<Contender> {
  if (name === "strata") return (await import("./strata.ts")).strataContender();
  return (await import("./transformers.ts")).transformersContender();
}

async function watched<T>(
  task: (open: Contender) => Promise<T>,
): Promise<T & Pick<DriverSample, "idleBytes" | "usage">> {
  if (!contender) throw new Error("no contender is open");
  const { liveBytes: idleBytes } = await contender.usage();
  const outcome = await task(contender);
  return { ...outcome, idleBytes, usage: await contender.usage() };
}

async function startCold({ name, model, text }: ColdOrder): Promise<void> {
  const scriptMs = performance.now();
  try {
    const opened = await driver.open(name, model);
    const started = performance.now();
    const { vectors } = await contender!.embed({
      texts: [text],
      batchSize: 1,
      role: "document",
      priority: "interactive",
    });
    const firstVectorMs = performance.now();
    driver.coldStart = { firstVectorMs, scriptMs, opened, embedMs: firstVectorMs - started, vector: [...vectors] };
  } catch (error) {
    driver.coldError = String(error);
  }
}
