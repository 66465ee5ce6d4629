/** @file A planner for a pack on a device: what it costs, the budget to keep within, the pace to start from. Pure but for `navigator`. */
import { budgetKey, openBudget, startBudget, VramBudget, WASM_HEAP_BYTES } from "./batch/budget.ts";
import { CostModel } from "./batch/cost.ts";
import { RunPace } from "./batch/pace.ts";
import { DEFAULT_CHUNK_TOKENS, MAX_RUN_MS } from "./batch/plan.ts";
import { Planner } from "./batch/planner.ts";
import { EmbedError } from "./errors.ts";
import type { ExecutionChoice } from "./gpu/engine.ts";
import { placedLayerBytes } from "./gpu/layer-files.ts";
import type { PackManifest } from "./pack.ts";
import type { LoadRequest } from "./types.ts";

/**
 * @param request - The caller's bounds, and budgets of earlier visits.
 * @returns The planner, and the name under which its budget is worth remembering.
 * @throws {EmbedError} `invalid-input` for a budget that is not above 0, `out-of-memory` for one that is too small for
 *   anything: before anything large is fetched.
 */
export function openPlanner(
  request: Pick<LoadRequest, "chunkTokens" | "maxRunMs" | "vramBudgetBytes" | "budgetShare" | "rememberedBudgets">,
  { execution, adapter }: Pick<ExecutionChoice, "execution" | "adapter">,
  manifest: PackManifest,
): { readonly planner: Planner; readonly budgetKey: string } {
  const { kind, activations } = execution;
  const { architecture, quantization, name, source } = manifest;
  const layerBytes = placedLayerBytes(manifest, activations);
  const key = budgetKey(adapter, { name, revision: source.revision, bits: quantization.bits, activations });
  const deviceMemoryGiB = (navigator as { readonly deviceMemory?: number }).deviceMemory;
  const plannerWithin = (budget: VramBudget): Planner =>
    new Planner({
      cost: new CostModel({ architecture, activations, bits: quantization.bits, kind, layerBytes }),
      budget,
      pace: new RunPace(kind === "wasm" ? "wasm" : adapter?.software ? "software" : "gpu"),
      chunkTokens: request.chunkTokens ?? DEFAULT_CHUNK_TOKENS[kind],
      maxRunMs: request.maxRunMs ?? MAX_RUN_MS[kind],
    });
  if (kind === "wasm" || adapter === null) {
    const heap = new VramBudget({ bytes: WASM_HEAP_BYTES, ceiling: WASM_HEAP_BYTES }, "adapter");
    return { planner: plannerWithin(heap), budgetKey: key };
  }
  const unbounded = plannerWithin(new VramBudget({ bytes: Infinity, ceiling: Infinity }, "adapter"));
  // For the self-check: what is left after crashes, or was guessed, may be too little even for that.
  const leastBytes = unbounded.neededBytes(Math.max(...manifest.golden.map(({ inputIds }) => inputIds.length)));
  refuseTooLittle(request.vramBudgetBytes, leastBytes);
  const budget = openBudget({
    callerBytes: request.vramBudgetBytes,
    rememberedBytes: request.rememberedBudgets?.[key],
    start: startBudget({ ...adapter, deviceMemoryGiB }),
    share: request.budgetShare,
    leastBytes,
  });
  return { planner: plannerWithin(budget), budgetKey: key };
}

function refuseTooLittle(budgetBytes: number | undefined, neededBytes: number): void {
  if (budgetBytes === undefined || !(budgetBytes > 0) || budgetBytes >= neededBytes) return;
  const message = `a budget of ${budgetBytes} bytes is too small for this model: ${neededBytes} are the least`;
  throw new EmbedError("out-of-memory", message, { details: { neededBytes, budgetBytes } });
}
