/** @file Strata once more with a timestamp on either side of each dispatch: which part of the model takes the time. */
import { openEmbedder } from "../../src/embedder.ts";
import type { Workload } from "../compare/workloads.ts";
import { timeByStage } from "../profile/stages.ts";
import { startTimer, stopTimer } from "../profile/timer-client.ts";
import type { Choice, StageSplit } from "./page-setup.ts";
import { orAborted } from "./page-session.ts";

/** As of the contender: software WebGPU takes minutes. */
const WATCHDOG = { pingMs: 60_000, runMs: 900_000 };

/** What shares a run is told by one workload, what does not by one query. */
const PROFILED: readonly Workload["kind"][] = ["one-query", "equal-lengths"];

/** One query; and no more texts than one run needs. */
const MOST_TEXTS = 4;

/**
 * @param onRound - Before each workload.
 * @returns `null` when the device has no timestamps.
 */
export async function profileStages(
  workloads: readonly Workload[],
  { packUrl, activations }: Choice,
  { signal, onRound }: { readonly signal: AbortSignal; readonly onRound: (line: string) => void },
): Promise<StageSplit[] | null> {
  let worker: Worker | undefined;
  const opening = openEmbedder(
    { model: packUrl, storage: "none", device: "webgpu", activations, watchdog: WATCHDOG, signal },
    () => (worker = new Worker(new URL("./profiled.worker.ts", import.meta.url), { type: "module" })),
  );
  const embedder = await orAborted(opening, signal);
  try {
    const splits: StageSplit[] = [];
    for (const { kind, title, texts } of workloads.filter((workload) => PROFILED.includes(workload.kind))) {
      const chosen = texts.slice(0, kind === "one-query" ? 1 : MOST_TEXTS);
      onRound(`where time goes: ${title}`);
      const embed = () =>
        orAborted(
          embedder.embed(
            chosen.map(({ text }) => text),
            { signal },
          ),
          signal,
        );
      await embed();
      if (!(await startTimer(worker!))) return null;
      const started = performance.now();
      await embed();
      const totalMs = performance.now() - started;
      const records = (await orAborted(stopTimer(worker!), signal)) ?? [];
      const tokens = chosen.reduce((sum, text) => sum + text.tokens, 0);
      const what =
        kind === "one-query" ? `one query of ${tokens} tokens` : `${chosen.length} × ${chosen[0]!.tokens} tokens`;
      splits.push({ title: what, tokens, totalMs, stages: timeByStage(records) });
    }
    return splits;
  } finally {
    embedder.dispose();
  }
}
