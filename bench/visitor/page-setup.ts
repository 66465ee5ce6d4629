/** @file What the command tells the page, what the visitor chooses, and what comes of it. Types only. */
import type { StageTime } from "../profile/stages.ts";
import type { CompareResult, WorkloadResult } from "../report/compare-result.ts";
import type { Peaks, RooflineShare } from "./roofline-share.ts";

/** `setup.json`, made by `npm run bench:page`. */
export interface Setup {
  readonly command: string;
  readonly commit: string | null;
  readonly versions: Readonly<Record<string, string>>;
  /** Of the models that the command serves; paths on its server. */
  readonly pack: string;
  readonly exported: string;
  /** Of the export, by activations. */
  readonly dtypes: { readonly f32: CompareResult["dtype"]; readonly f16: CompareResult["dtype"] };
}

export interface Choice {
  readonly size: "quick" | "full" | "smoke";
  readonly device: "webgpu" | "wasm";
  readonly activations: "f32" | "f16";
  /** Absolute, with a slash at their ends. */
  readonly packUrl: string;
  readonly exportUrl: string;
}

/** Something went wrong, and what to do about it. */
export interface Problem {
  readonly where: string;
  readonly what: string;
  readonly remedy: string;
}

/** Stages of one workload in Strata. */
export interface StageSplit {
  readonly title: string;
  readonly tokens: number;
  /** Of the request, timed beside its dispatches. */
  readonly totalMs: number;
  readonly stages: readonly StageTime[];
}

/** The same frame and workloads as `npm run bench`, and what only the page measures. */
export interface PageResult extends CompareResult {
  readonly peaks: Peaks | null;
  readonly shares: readonly RooflineShare[];
  /** `null`: the device has no `timestamp-query`, or it was not asked. */
  readonly stageSplits: readonly StageSplit[] | null;
  /** Whether the visitor stopped it, so that workloads are missing. */
  readonly stopped: boolean;
}

export interface Progress {
  /** What is under way. */
  readonly line: string;
  /** Of all, from 0 to 1. */
  readonly share: number;
  /** `null`: too early to say. */
  readonly remainingMs: number | null;
}

/** What the screen shows. */
export interface Findings {
  readonly workloads: readonly WorkloadResult[];
  readonly peaks: Peaks | null;
  readonly shares: readonly RooflineShare[];
  readonly stageSplits: readonly StageSplit[] | null;
  /** Why there are no stages. */
  readonly stagesMissing: string | null;
  readonly problems: readonly Problem[];
}
