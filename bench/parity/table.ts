/** @file All cells of the parity table: where each one can run, and what came of it. */
import type { Browser } from "@playwright/test";
import type { Activations, WeightBits } from "../../src/pack.ts";
import type { AdapterFacts } from "../../src/types.ts";
import { note, withBrowser, withServer } from "../harness/browser.ts";
import { servePack } from "../harness/serve-pack.ts";
import { agreement } from "./agreement.ts";
import { CannotRun, type CellOrder, type ParityDevice } from "./device.ts";
import { chromiumAdapter, inChromium, packPath, PARITY_PAGE, type ParityBrowser } from "./in-chromium.ts";
import { inNode } from "./in-node.ts";
import { measureCell, type CellWork, type MeasuredCell } from "./measure.ts";
import { parityPacks, unroundedSource, type PackOrReason, type ParityPack } from "./packs.ts";
import type { ParityCell, RetrievalRow, RoundingRow } from "./parity-result.ts";
import { allReferences, weightsOfPack } from "../harness/float64-references.ts";
import type { ParityText } from "./texts.ts";
import { rateCollections, uniqueSequences, type EncodedCollection } from "./work.ts";

export interface TableChoice {
  readonly bits: readonly WeightBits[];
  readonly activations: readonly Activations[];
  readonly devices: readonly ("webgpu" | "wasm")[];
  readonly texts: readonly ParityText[];
  readonly collections: readonly EncodedCollection[];
  /** Longest wait for one answer of Node with Dawn. */
  readonly patienceMs: number;
}

/** What is known before the first cell. */
export interface TableHead {
  /** `Chromium` and its version. */
  readonly browser: string;
  /** The browser's. */
  readonly adapter: AdapterFacts | null;
  readonly rounding: readonly RoundingRow[];
}

/** Who is told. */
export interface TableHooks {
  onHead(head: TableHead): void;
  /** After each one: a run that is ended leaves what it had. */
  onCell(cell: ParityCell): void;
  /** Last, since it takes the longest: by float64 vectors of the unrounded weights; none where they are not here. */
  onUnroundedRetrieval(rows: readonly RetrievalRow[]): void;
}

type Coordinates = Pick<ParityCell, "bits" | "activations" | "device">;

/** Runs the cells in turn, the fast ones first. */
export async function runTable(choice: TableChoice, hooks: TableHooks): Promise<void> {
  const packs = await parityPacks(choice.bits);
  const present = packs.filter((pack) => "folder" in pack);
  const references = await makeReferences(choice, packs);
  const plugins = present.map(({ bits, folder, manifest }) => servePack(folder, manifest, packPath(bits)));
  await withServer({ pages: [PARITY_PAGE], plugins }, (url) =>
    withBrowser(async (browser: Browser) => {
      const adapter = await chromiumAdapter({ browser, url });
      hooks.onHead({ browser: `Chromium ${browser.version()}`, adapter, rounding: references.rounding });
      for (const cell of cellsOf(choice)) {
        const pack = packs.find(({ bits }) => bits === cell.bits)!;
        const where = { browser, url, adapter, patienceMs: choice.patienceMs };
        hooks.onCell(await runCell(cell, pack, { where, workOf: references.workOf }));
      }
    }),
  );
  hooks.onUnroundedRetrieval(await searchUnrounded(choice.collections, references.unrounded));
}

/** WebAssembly first, f16 last. */
function cellsOf({ bits, activations, devices }: TableChoice): Coordinates[] {
  const inOrder = <T>(all: readonly T[], chosen: readonly T[]): T[] => all.filter((one) => chosen.includes(one));
  return inOrder(["f32", "f16"] as const, activations).flatMap((kind) =>
    inOrder(["wasm", "webgpu"] as const, devices).flatMap((device) =>
      bits.map((width) => ({ bits: width, activations: kind, device })),
    ),
  );
}

interface Surroundings {
  readonly where: ParityBrowser & { readonly adapter: AdapterFacts | null; readonly patienceMs: number };
  readonly workOf: (pack: ParityPack) => CellWork;
}

const NOT_RUN: MeasuredCell = {
  host: null,
  adapter: null,
  execution: null,
  tolerance: null,
  passed: null,
  modes: [],
  retrieval: [],
};

async function runCell(
  coordinates: Coordinates,
  pack: PackOrReason,
  { where, workOf }: Surroundings,
): Promise<ParityCell> {
  const { bits, activations, device } = coordinates;
  note(`q${bits} ${activations} ${device}`);
  const [date, started] = [new Date().toISOString(), performance.now()];
  const close = (rest: MeasuredCell, skipped: string | null, failure: string | null): ParityCell => {
    if (skipped ?? failure) note(`  ${skipped ?? failure}`);
    return { ...coordinates, skipped, failure, date, ...rest, seconds: (performance.now() - started) / 1000 };
  };
  if (!("folder" in pack)) return close(NOT_RUN, pack.missing, null);
  try {
    const order = { pack, activations, device };
    const measured = await onDevice(order, where, (opened) => measureCell(opened, order, workOf(pack)));
    return close(measured, null, null);
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof CannotRun) return close(NOT_RUN, message, null);
    // What ran and broke is a fault of the product, not of the machine.
    return close({ ...NOT_RUN, passed: false }, null, message);
  }
}

/** @throws {CannotRun} With the reason, where neither browser nor Node has what the cell needs. */
function onDevice<T>(
  order: CellOrder,
  where: Surroundings["where"],
  task: (device: ParityDevice) => Promise<T>,
): Promise<T> {
  const { adapter } = where;
  const isHalf = order.activations === "f16";
  if (order.device === "wasm") {
    if (isHalf) throw new CannotRun("WebAssembly runs layers in f32 alone");
    return inChromium(where, order, task);
  }
  if (isHalf && !adapter?.shaderF16) return inNode(order, where.patienceMs, task);
  if (!adapter) throw new CannotRun("Chromium offers no WebGPU adapter");
  return inChromium(where, order, task);
}

const onProgress = (done: number, total: number): void => note(`float64 reference: ${done} of ${total} texts`);

type Unrounded = ReturnType<typeof unroundedSource>;

interface References extends Pick<TableHead, "rounding"> {
  readonly unrounded: Unrounded;
  readonly workOf: (pack: ParityPack) => CellWork;
}

async function makeReferences(choice: TableChoice, packs: readonly PackOrReason[]): Promise<References> {
  const texts = choice.texts.map(({ inputIds }) => inputIds);
  const present = packs.filter((pack) => "folder" in pack);
  const unrounded = present[0] ? unroundedSource(present[0].manifest) : null;
  const ofSource = unrounded && (await allReferences(unrounded, texts, { onProgress }));
  const ofPacks = new Map<WeightBits, Float64Array[]>();
  for (const { bits, folder, manifest } of present) {
    ofPacks.set(bits, await allReferences(weightsOfPack(folder, manifest), texts, { onProgress }));
  }
  return {
    unrounded,
    rounding: packs.map((pack) => roundingRow(pack, ofPacks.get(pack.bits), ofSource)),
    workOf: ({ bits }) => ({ texts, ofPack: ofPacks.get(bits)!, ofSource, collections: choice.collections }),
  };
}

async function searchUnrounded(
  collections: readonly EncodedCollection[],
  unrounded: Unrounded,
): Promise<RetrievalRow[]> {
  if (!unrounded) return [];
  const sequences = uniqueSequences(collections);
  const vectors = await allReferences(unrounded, sequences, { onProgress });
  return rateCollections(collections, { sequences, vectors }, [{ output: "float64", dimensions: vectors[0]!.length }]);
}

function roundingRow(
  pack: PackOrReason,
  ofPack: readonly Float64Array[] | undefined,
  ofSource: readonly Float64Array[] | null,
): RoundingRow {
  const { bits } = pack;
  if (!ofPack) return { bits, toUnrounded: null, reason: "missing" in pack ? pack.missing : null };
  if (!ofSource) return { bits, toUnrounded: null, reason: "the unrounded weights are not here" };
  return { bits, toUnrounded: agreement(ofPack, ofSource), reason: null };
}
