/** @file Which part of the model takes Strata's time on the GPU. */
import { TimeBars } from "../../demo/time-split.tsx";
import { formatDuration } from "../../demo/format.ts";
import type { Findings } from "./page-setup.ts";

export function StagesCard({ stageSplits, stagesMissing }: Pick<Findings, "stageSplits" | "stagesMissing">) {
  return (
    <section class="card stages" data-testid="stages">
      <h2>Where Strata’s time goes on the GPU</h2>
      <p class="small">
        {stagesMissing
          ? `Not to be told: ${stagesMissing}.`
          : "A timestamp on either side of each dispatch; browsers round them to 0.1 ms unless told otherwise. What is left of a request is the way to the GPU and back."}
      </p>
      {stageSplits?.map(({ title, totalMs, stages }) => {
        const onGpu = stages.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
        const dispatches = stages.reduce((sum, stage) => sum + stage.dispatches, 0);
        return (
          <div key={title}>
            <h3>
              {title}{" "}
              <span class="figures">
                {formatDuration(onGpu)} of {formatDuration(totalMs)} on the GPU, {dispatches} dispatches
              </span>
            </h3>
            <TimeBars
              totalMs={onGpu}
              parts={stages.map(({ stage, milliseconds }) => ({ label: stage, ms: milliseconds }))}
            />
          </div>
        );
      })}
    </section>
  );
}
