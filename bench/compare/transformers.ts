/** @file transformers.js as a contender. */
import { wrap, type Remote } from "comlink";
import { adapterFacts, findAdapter } from "../../src/gpu/device.ts";
import type { AdapterFacts } from "../../src/types.ts";
import type { Contender, ContenderModel, EmbedCall, EmbedOutcome, OpenOutcome } from "./contender.ts";
import { setDispatches, takeUsage } from "./probe-client.ts";
import type { TransformersService } from "./transformers.worker.ts";

export function transformersContender(): Contender {
  let worker: Worker | undefined;
  let service: Remote<TransformersService> | undefined;
  /** A worker that fails to start, or crashes, answers nothing. */
  let failed: Promise<never> = new Promise<never>(() => undefined);
  const opened = (): { readonly worker: Worker; readonly service: Remote<TransformersService> } => {
    if (!worker || !service) throw new Error("transformers.js: not opened");
    return { worker, service };
  };
  return {
    name: "transformers.js",
    async open(model: ContenderModel): Promise<OpenOutcome> {
      const started = performance.now();
      worker = new Worker(new URL("./transformers.worker.ts", import.meta.url), { type: "module" });
      failed = crashOf(worker);
      service = wrap<TransformersService>(worker);
      const phases = await Promise.race([service.open(model), failed]);
      const openMs = performance.now() - started;
      const adapter = model.device === "webgpu" ? await adapterHere() : null;
      return { openMs, adapter, phases, execution: executionOf(model) };
    },
    embed: (call) => embed(opened().service, call, failed),
    usage: () => takeUsage(opened().worker),
    setDispatches: (dispatches) => setDispatches(opened().worker, dispatches),
    close: () => worker?.terminate(),
  };
}

function executionOf({ device, dtype, peerDevice }: ContenderModel): string {
  const withoutSubgroups = device === "webgpu" && peerDevice === "no-subgroups";
  return [device, dtype, "asyncify", ...(withoutSubgroups ? ["without subgroups"] : [])].join(" ");
}

async function embed(
  service: Remote<TransformersService>,
  { texts, batchSize }: EmbedCall,
  failed: Promise<never>,
): Promise<EmbedOutcome> {
  const started = performance.now();
  const outcome = await Promise.race([service.embed(texts, batchSize), failed]);
  return { ...outcome, totalMs: performance.now() - started };
}

function crashOf(worker: Worker): Promise<never> {
  const crash = new Promise<never>((_, reject) => {
    worker.addEventListener("error", ({ message }) => reject(new Error(`its worker failed: ${message}`)));
  });
  // Nobody may be waiting when it happens.
  crash.catch(() => undefined);
  return crash;
}

/** The one that ONNX Runtime finds too: it asks for high performance as Strata does. */
async function adapterHere(): Promise<AdapterFacts | null> {
  const { adapter } = await findAdapter(navigator.gpu);
  return adapter && adapterFacts(adapter);
}
