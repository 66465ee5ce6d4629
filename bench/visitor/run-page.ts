/** @file The page's dataflow: choice → texts → peaks → cold opens → both in turn → stages → findings. */
import type { ContenderModel, ContenderName, OpenOutcome } from "../compare/contender.ts";
import { measureWorkload } from "../compare/measure.ts";
import type { Workload } from "../compare/workloads.ts";
import type { WorkloadResult } from "../report/compare-result.ts";
import { deleteKept, keptNames, measureColdOpens } from "./cold-open.ts";
import { Pace, roundCost, STEP_TOKENS } from "./pace.ts";
import { orAborted, withPageSession } from "./page-session.ts";
import type { Choice, Findings, Progress, Setup } from "./page-setup.ts";
import { prepareWork, type PageWork } from "./page-workloads.ts";
import { problemOf } from "./problem.ts";
import { profileStages } from "./profile-stages.ts";
import type { RooflineAnswer } from "./roofline.worker.ts";
import { sharesOf, type Peaks } from "./roofline-share.ts";

export interface RunHooks {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** All that was found so far. */
  readonly onFindings: (findings: Findings) => void;
}

/** What is known at the end, or when it was stopped. */
export interface RunOutcome {
  readonly work: PageWork | null;
  readonly opened: ReadonlyMap<ContenderName, OpenOutcome>;
  readonly stopped: boolean;
}

export const NOTHING: Findings = {
  workloads: [],
  peaks: null,
  shares: [],
  stageSplits: null,
  stagesMissing: null,
  problems: [],
};

/** Never rejects: what fails is a problem among the findings, and the rest goes on. */
export async function runPage(choice: Choice, setup: Setup, hooks: RunHooks): Promise<RunOutcome> {
  const run = new Run(choice, setup, hooks);
  // Storage that cannot be asked keeps nothing either.
  const before = await keptNames().catch(() => null);
  try {
    await run.all();
  } catch (error) {
    if (!hooks.signal.aborted) run.fail("the run", error);
  }
  // Workers that were just ended may still hold files; the next run's end deletes those.
  if (before) await deleteKept(before).catch(() => undefined);
  return { work: run.work, opened: run.opened, stopped: hooks.signal.aborted };
}

class Run {
  work: PageWork | null = null;
  readonly opened = new Map<ContenderName, OpenOutcome>();
  readonly #choice: Choice;
  readonly #setup: Setup;
  readonly #hooks: RunHooks;
  #findings: Findings = NOTHING;
  #pace: Pace | null = null;

  constructor(choice: Choice, setup: Setup, hooks: RunHooks) {
    this.#choice = choice;
    this.#setup = setup;
    this.#hooks = hooks;
  }

  async all(): Promise<void> {
    const { signal, onProgress } = this.#hooks;
    onProgress({ line: "reading the model's tokenizer", share: 0, remainingMs: null });
    const work = await orAborted(prepareWork(this.#choice, signal), signal);
    this.work = work;
    this.#pace = new Pace(work.workloads, this.#choice.device === "webgpu" ? 3 : 0);
    if (this.#choice.device === "webgpu") await this.#try("the adapter's peaks", () => this.#measurePeaks());
    const [cold, warm] = [
      work.workloads.filter(({ kind }) => kind === "cold-start"),
      work.workloads.filter(({ kind }) => kind !== "cold-start"),
    ];
    for (const workload of cold) await this.#try("cold open", async () => this.#found(await this.#coldOpen(workload)));
    await this.#measureWarm(work, warm);
    if (this.#choice.device === "webgpu") await this.#try("where time goes", () => this.#profile(warm));
    onProgress({ line: "done", share: 1, remainingMs: 0 });
  }

  fail(where: string, error: unknown): void {
    const problem = problemOf(where, error);
    const known = this.#findings.problems.some(({ what }) => what === problem.what);
    if (!known) this.#add({ problems: [...this.#findings.problems, problem] });
  }

  async #try(where: string, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#hooks.signal.throwIfAborted();
      this.fail(where, error);
    }
  }

  #add(more: Partial<Findings>): void {
    this.#findings = { ...this.#findings, ...more };
    this.#hooks.onFindings(this.#findings);
  }

  #step(line: string, cost: number): void {
    if (this.#pace) this.#hooks.onProgress(this.#pace.next(line, cost));
  }

  #model(name: ContenderName): ContenderModel {
    const { device, activations, packUrl, exportUrl } = this.#choice;
    const dtype = this.#setup.dtypes[activations] as ContenderModel["dtype"];
    return { url: name === "strata" ? packUrl : exportUrl, device, activations, dtype };
  }

  async #measurePeaks(): Promise<void> {
    this.#step("the adapter's own peaks: a matrix product and a copy", STEP_TOKENS);
    const peaks = await peaksInWorker(this.#hooks.signal);
    this.#add({ peaks });
  }

  #coldOpen(workload: Workload): Promise<WorkloadResult> {
    return measureColdOpens(workload, {
      models: { strata: this.#model("strata"), "transformers.js": this.#model("transformers.js") },
      signal: this.#hooks.signal,
      onRound: (line) => this.#step(line, roundCost(workload)),
      onFailure: (name, error) => this.fail(name, error),
    });
  }

  async #measureWarm({ references }: PageWork, workloads: readonly Workload[]): Promise<void> {
    const place = (name: ContenderName) => ({
      name,
      model: this.#model(name),
      signal: this.#hooks.signal,
      onFailure: (who: ContenderName, error: unknown) => this.fail(who, error),
    });
    await withPageSession(place("strata"), (strata) =>
      withPageSession(place("transformers.js"), async (peer) => {
        const sessions = (contender: ContenderName) => (contender === "strata" ? strata : peer);
        for (const workload of workloads) {
          const onRound = (line: string) => this.#step(line, roundCost(workload));
          this.#found(await measureWorkload(workload, { sessions, references }, onRound));
          for (const session of [strata, peer]) {
            const outcome = session.openedAs();
            if (outcome) this.opened.set(session.name, outcome);
          }
        }
      }),
    );
  }

  #found(result: WorkloadResult): void {
    const { peaks, shares, workloads } = this.#findings;
    const { manifest, workloads: planned } = this.work!;
    const own = planned.find(({ title }) => title === result.title);
    const lengths = own?.texts.map(({ inputIds }) => inputIds.length) ?? [];
    const more = peaks ? sharesOf(result, lengths, { manifest, peaks, activations: this.#choice.activations }) : [];
    this.#add({ workloads: [...workloads, result], shares: [...shares, ...more] });
  }

  async #profile(workloads: readonly Workload[]): Promise<void> {
    const { signal } = this.#hooks;
    const onRound = (line: string) => this.#step(line, STEP_TOKENS);
    const stageSplits = await profileStages(workloads, this.#choice, { signal, onRound });
    this.#add(stageSplits ? { stageSplits } : { stagesMissing: "this device has no timestamp-query" });
  }
}

async function peaksInWorker(signal: AbortSignal): Promise<Peaks> {
  const worker = new Worker(new URL("./roofline.worker.ts", import.meta.url), { type: "module" });
  try {
    const answer = new Promise<RooflineAnswer>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<RooflineAnswer>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(`the worker failed: ${message}`));
    });
    const { peaks, failure } = await orAborted(answer, signal);
    if (!peaks) throw new Error(failure);
    return peaks;
  } finally {
    worker.terminate();
  }
}
