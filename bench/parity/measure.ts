/** @file One cell of the parity table, measured. */
import { note } from "../harness/browser.ts";
import { agreement } from "./agreement.ts";
import type { CellOrder, ParityDevice } from "./device.ts";
import type { ModeResult, ParityCell, ParityMode, RetrievalRow, VectorForm } from "./parity-result.ts";
import { SMALLER_FORMS } from "./retrieval.ts";
import { rateCollections, uniqueSequences, type EncodedCollection } from "./work.ts";

/** Tokens a run when texts are sliced: several slices of most texts, the last one shorter. */
const SLICE_TOKENS = 16;

/** Texts a request when a collection is embedded: what progress is told by. */
const REQUEST_TEXTS = 50;

/** What a cell embeds, and what should come out. */
export interface CellWork {
  readonly texts: readonly Int32Array[];
  /** Float64 vectors of the pack's own weights. */
  readonly ofPack: readonly Float64Array[];
  /** Of the unrounded ones. */
  readonly ofSource: readonly Float64Array[] | null;
  /** The whole one and the small one, in any order; a software GPU gets the small one alone. */
  readonly collections: readonly EncodedCollection[];
}

/** What is known when a cell was run. */
export type MeasuredCell = Pick<
  ParityCell,
  "host" | "adapter" | "execution" | "tolerance" | "passed" | "modes" | "retrieval"
>;

export async function measureCell(device: ParityDevice, order: CellOrder, work: CellWork): Promise<MeasuredCell> {
  const modes: ModeResult[] = [];
  for (const mode of ["alone", "batch", "sliced"] as const) {
    const result = await measureMode(device, mode, work);
    if (!result) continue;
    note(`  ${mode}: ${result.texts} texts, largest difference ${result.toPack.maxAbsDiff.toExponential(1)}`);
    modes.push(result);
  }
  const { tolerance } = device.facts;
  const passed = modes.every(({ toPack }) => toPack.maxAbsDiff <= tolerance);
  return { ...device.facts, passed, modes, retrieval: await measureRetrieval(device, order, work) };
}

/** @returns `null` where no text is long enough to be sliced. */
async function measureMode(device: ParityDevice, mode: ParityMode, work: CellWork): Promise<ModeResult | null> {
  const chosen = [...work.texts.keys()].filter((i) => mode !== "sliced" || work.texts[i]!.length > SLICE_TOKENS);
  if (chosen.length === 0) return null;
  const texts = chosen.map((i) => work.texts[i]!);
  const vectors = await embedBy(mode, device, texts);
  const ofChosen = (references: readonly Float64Array[]) => chosen.map((i) => references[i]!);
  return {
    mode,
    texts: texts.length,
    toPack: agreement(vectors, ofChosen(work.ofPack)),
    toUnrounded: work.ofSource && agreement(vectors, ofChosen(work.ofSource)),
  };
}

async function embedBy(mode: ParityMode, device: ParityDevice, texts: readonly Int32Array[]): Promise<Float32Array[]> {
  if (mode === "batch") return device.embed(texts);
  if (mode === "sliced") return device.embed(texts, SLICE_TOKENS);
  const vectors: Float32Array[] = [];
  for (const ids of texts) vectors.push(...(await device.embed([ids])));
  return vectors;
}

async function measureRetrieval(device: ParityDevice, order: CellOrder, work: CellWork): Promise<RetrievalRow[]> {
  const isSlow = device.facts.adapter?.software ?? false;
  const collections = work.collections.filter(({ collection }) => !isSlow || collection.size === "small");
  const sequences = uniqueSequences(collections);
  const vectors: Float32Array[] = [];
  for (let start = 0; start < sequences.length; start += REQUEST_TEXTS) {
    vectors.push(...(await device.embed(sequences.slice(start, start + REQUEST_TEXTS))));
    note(`  retrieval: ${vectors.length} of ${sequences.length} texts`);
  }
  const { max } = order.pack.manifest.dimensions;
  const whole: VectorForm = { output: "float32", dimensions: max };
  // Of the default cell the smaller forms too: they are made of the same vectors in all cells.
  const isDefault = order.pack.bits === 4 && order.activations === "f32";
  return rateCollections(collections, { sequences, vectors }, isDefault ? [whole, ...SMALLER_FORMS] : [whole]);
}
