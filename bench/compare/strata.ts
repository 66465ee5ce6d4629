/** @file Strata as a contender: its embedder as everyone gets it, but for the probe in its worker. */
import { openEmbedder, type Embedder } from "../../src/embedder.ts";
import type { Contender, ContenderModel, EmbedCall, EmbedOutcome, OpenOutcome } from "./contender.ts";
import { setDispatches, takeUsage } from "./probe-client.ts";

/** A run of minutes is no fault on a loaded machine with software WebGPU. */
const WATCHDOG = { pingMs: 60_000, runMs: 900_000 };

export function strataContender(): Contender {
  let embedder: Embedder | undefined;
  let worker: Worker | undefined;
  const opened = (): { readonly embedder: Embedder; readonly worker: Worker } => {
    if (!embedder || !worker) throw new Error("strata: not opened");
    return { embedder, worker };
  };
  return {
    name: "strata",
    async open({ url, device, activations, storage = "none" }: ContenderModel): Promise<OpenOutcome> {
      const started = performance.now();
      const kept = storage === "kept" ? ("auto" as const) : storage;
      embedder = await openEmbedder({ model: url, storage: kept, device, activations, watchdog: WATCHDOG }, () => {
        worker = new Worker(new URL("./strata.worker.ts", import.meta.url), { type: "module" });
        return worker;
      });
      return describe(embedder, performance.now() - started);
    },
    embed: (call) => embed(opened().embedder, call),
    usage: () => takeUsage(opened().worker),
    setDispatches: (dispatches) => setDispatches(opened().worker, dispatches),
    close: () => embedder?.dispose(),
  };
}

async function embed(embedder: Embedder, { texts, role, priority }: EmbedCall): Promise<EmbedOutcome> {
  const started = performance.now();
  const { data, dimensions } = await embedder.embed(texts, {
    role,
    priority: priority ?? (role === "query" ? "interactive" : "normal"),
    overflow: "truncate",
  });
  return { vectors: data, dimensions, totalMs: performance.now() - started };
}

function describe({ status }: Embedder, openMs: number): OpenOutcome {
  const { kind, activations, build, adapter, subgroups } = status.device;
  const execution = [kind, activations, build, ...(subgroups ? ["subgroups"] : [])].join(" ");
  return { openMs, adapter, execution, phases: { ...status.load } };
}
