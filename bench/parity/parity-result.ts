/** @file What `npm run bench:parity` leaves: results of kind "parity". Types only. */
import type { Activations, WeightBits } from "../../src/pack.ts";
import type { AdapterFacts } from "../../src/types.ts";
import type { ResultFrame } from "../report/result.ts";
import type { Collection, QuerySetName } from "./labelled.ts";
import type { RankingQuality } from "./ndcg.ts";
import type { TextKind } from "./texts.ts";

/** `alone`: each text by itself. `batch`: all in one call, in ragged passes. `sliced`: longer texts, 16 tokens a run. */
export type ParityMode = "alone" | "batch" | "sliced";

export interface ParityResult extends ResultFrame {
  readonly kind: "parity";
  readonly texts: TextSummary;
  /** Float64 vectors of the packs against those of the unrounded weights: what rounding the weights costs. */
  readonly rounding: readonly RoundingRow[];
  readonly cells: readonly ParityCell[];
  /** With float64 vectors of the unrounded weights; empty where they are not here. */
  readonly unroundedRetrieval: readonly RetrievalRow[];
}

export interface TextSummary {
  readonly count: number;
  /** Prompts and end tokens included. */
  readonly tokens: number;
  readonly least: number;
  readonly median: number;
  readonly most: number;
  readonly kinds: Readonly<Partial<Record<TextKind, number>>>;
}

/** Vectors beside others of the same texts. */
export interface Agreement {
  readonly meanCosine: number;
  readonly minCosine: number;
  /** Largest difference of a component of unit vectors. */
  readonly maxAbsDiff: number;
}

export interface RoundingRow {
  readonly bits: WeightBits;
  /** `null`: why there is none is in `reason`. */
  readonly toUnrounded: Agreement | null;
  readonly reason: string | null;
}

/** One way to run one pack. */
export interface ParityCell {
  readonly bits: WeightBits;
  readonly activations: Activations;
  readonly device: "webgpu" | "wasm";
  /** Why it was not run; then there are no modes. */
  readonly skipped: string | null;
  /** What broke while it ran, in the runtime's words; then there are no modes either. */
  readonly failure: string | null;
  /** When it was run, ISO 8601: cells of one result may come from several runs. */
  readonly date: string;
  /** Such as `Chromium 156.0.8078.108` or `Node 20.19.0, Dawn 0.6.2`; `null` where it was not run. */
  readonly host: string | null;
  readonly adapter: AdapterFacts | null;
  /** Such as `webgpu f32 jspi, subgroups`. */
  readonly execution: string | null;
  /** Of a component, to the pack's own float64 vectors: that of the self-check at load. */
  readonly tolerance: number | null;
  readonly passed: boolean | null;
  readonly modes: readonly ModeResult[];
  /** In 4 bits and f32, the default, with smaller outputs too. */
  readonly retrieval: readonly RetrievalRow[];
  /** Loading included. */
  readonly seconds: number;
}

export interface ModeResult {
  readonly mode: ParityMode;
  /** How many were compared: of `sliced` those that are longer than a slice. */
  readonly texts: number;
  /** Against the float64 model of the very pack: what the runtime costs. */
  readonly toPack: Agreement;
  /** Against the float64 model of the unrounded weights: runtime and rounding; `null` where they are not here. */
  readonly toUnrounded: Agreement | null;
}

/** What of the vectors is searched. */
export interface VectorForm {
  readonly output: "float64" | "float32" | "int8" | "binary";
  readonly dimensions: number;
}

export interface RetrievalRow extends RankingQuality {
  readonly vectors: VectorForm;
  readonly collection: Collection["size"];
  readonly passages: number;
  readonly set: QuerySetName;
  readonly queries: number;
}
