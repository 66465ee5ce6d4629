/** @file The page: what it does, what to choose, how far it is, what was found, and the result to take away. */
import { useRef, useState } from "preact/hooks";
import type { AdapterFacts } from "../../src/types.ts";
import { ChoiceForm } from "./choice-form.tsx";
import { pageResult } from "./page-result.ts";
import type { Choice, Findings, PageResult, Progress, Setup } from "./page-setup.ts";
import { ProblemList } from "./problem-list.tsx";
import { ProgressCard } from "./progress-card.tsx";
import { ResultActions } from "./result-actions.tsx";
import { RooflineCard } from "./roofline-card.tsx";
import { NOTHING, runPage } from "./run-page.ts";
import { StagesCard } from "./stages-card.tsx";
import { WorkloadCard } from "./workload-card.tsx";

interface AppProps {
  readonly setup: Setup;
  readonly adapter: AdapterFacts | null;
  /** Why there is no adapter. */
  readonly missing: string;
  readonly initial: Choice;
}

export function App({ setup, adapter, missing, initial }: AppProps) {
  const [choice, setChoice] = useState(initial);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [findings, setFindings] = useState<Findings>(NOTHING);
  const [result, setResult] = useState<PageResult | null>(null);
  const stopper = useRef<AbortController | null>(null);
  const running = progress !== null;

  const start = async (): Promise<void> => {
    const date = new Date().toISOString();
    const controller = (stopper.current = new AbortController());
    let latest = NOTHING;
    const onFindings = (found: Findings): void => setFindings((latest = found));
    onFindings(NOTHING);
    setResult(null);
    setProgress({ line: "starting", share: 0, remainingMs: null });
    const outcome = await runPage(choice, setup, { signal: controller.signal, onProgress: setProgress, onFindings });
    setProgress(null);
    setResult(pageResult({ choice, setup, date }, latest, outcome));
  };

  const state = running ? "running" : result ? (result.stopped ? "stopped" : "done") : "idle";
  return (
    <div data-testid="bench" data-state={state}>
      <header class="bench-head">
        <h1>Strata beside transformers.js, on this machine</h1>
        <p class="lead">
          Two runtimes embed the same texts with the same weights in this tab, in turn. You see how fast and how exact
          each one is, and how close Strata comes to what your GPU was measured to do. Nothing leaves this machine.
        </p>
      </header>
      <main class="bench-main">
        <section class="card" aria-label="Run">
          <ChoiceForm {...{ choice, adapter, missing, running, onChange: setChoice }} />
          <div class="actions">
            {running ? (
              <button type="button" class="button" onClick={() => stopper.current?.abort(new Error("stopped"))}>
                Stop
              </button>
            ) : (
              <button type="button" class="button button-strong" onClick={() => void start()}>
                {result ? "Start again" : "Start"}
              </button>
            )}
          </div>
          <ProgressCard {...{ progress, result }} />
        </section>
        <ProblemList problems={findings.problems} />
        {result && <ResultActions result={result} />}
        {findings.workloads.map((workload) => (
          <WorkloadCard key={workload.title} workload={workload} />
        ))}
        {(findings.peaks ?? result) && <RooflineCard {...findings} device={choice.device} running={running} />}
        {(findings.stageSplits ?? findings.stagesMissing) && <StagesCard {...findings} />}
      </main>
    </div>
  );
}
