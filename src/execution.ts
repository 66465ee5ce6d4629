/** @file What layers run on, and what was found out about it: adapter, execution, self-check. Types only. */
import type { Activations } from "./pack.ts";

export type DeviceChoice = "auto" | "webgpu" | "wasm";

export interface AdapterFacts {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** A software adapter such as SwiftShader or lavapipe. */
  readonly software: boolean;
  readonly shaderF16: boolean;
  /** Subgroup widths as the adapter reports them, null where it has none. */
  readonly subgroupMinSize: number | null;
  readonly maxBufferSize: number;
}

/** One way to run the layers, from fastest to safest. */
export interface Execution {
  readonly kind: "webgpu" | "wasm";
  readonly activations: Activations;
  /** Whether the device was created with the `subgroups` feature. */
  readonly subgroups: boolean;
}

/** `"full"`: all known answers, alone, as one batch and in slices. `"brief"`: the shortest one alone. */
export type SelfCheckScope = "full" | "brief";

export interface SelfCheckResult {
  readonly execution: Execution;
  readonly scope: SelfCheckScope;
  /** Name under which a full pass is worth remembering: pack, device, browser and runtime. */
  readonly key: string;
  readonly passed: boolean;
  /** Largest component difference to the pack's golden vectors; `Infinity` where a row was not finite. */
  readonly maxAbsDiff: number;
  readonly minCosine: number;
  /** `maxAbsDiff` had to stay at or below this. */
  readonly tolerance: number;
  /** Why there are no numbers: the device could not be opened, or failed while it was checked. */
  readonly failure?: string;
}

export interface DeviceStatus extends Execution {
  /** Why this execution was taken, in a sentence. */
  readonly reason: string;
  /** `null` where the browser offers no adapter. */
  readonly adapter: AdapterFacts | null;
  /** Which build of ONNX Runtime runs. */
  readonly build: "jspi" | "asyncify" | "wasm";
}
