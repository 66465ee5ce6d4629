/** @file How far the run is. */
import { formatRemaining, percent } from "../../demo/format.ts";
import type { PageResult, Progress } from "./page-setup.ts";

/** Shorter waits need no telling. */
const TOLD_MS = 1000;

interface ProgressCardProps {
  readonly progress: Progress | null;
  readonly result: PageResult | null;
}

export function ProgressCard({ progress, result }: ProgressCardProps) {
  const remaining = progress?.remainingMs ?? 0;
  const ended = result ? (result.stopped ? "Stopped. What was finished is below." : "Done.") : "";
  return (
    <div class="progress">
      {progress && (
        <progress class="visually-hidden" max={1} value={progress.share} aria-label="Progress of the benchmark" />
      )}
      {progress && (
        <div class="bar-track" aria-hidden="true">
          <span class="bar bar-strata" style={{ width: percent(progress.share) }} />
        </div>
      )}
      <p class="progress-line">
        <span role="status" aria-live="polite">
          {progress ? progress.line : ended}
        </span>
        <span class="figures">{remaining > TOLD_MS && `about ${formatRemaining(remaining)} left`}</span>
      </p>
    </div>
  );
}
