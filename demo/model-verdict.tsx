/** @file What this device would make of a model: verdict, needs and reasons, before anything is downloaded. */
import { useMemo } from "preact/hooks";
import type { Assessment, ModelFacts } from "../src/index.ts";
import { formatBytes } from "./format.ts";
import type { ModelsState } from "./model-state.ts";
import type { Models } from "./models.ts";
import { strings } from "./strings.ts";

const text = strings.models;

/** @param facts - The same object as long as it says the same. */
export function useAssessment(models: Models, state: ModelsState, facts: ModelFacts): Assessment | null {
  const { device, storage, storageMissing, measured, contextTokens } = state;
  return useMemo(
    () => models.assess(facts),
    [models, facts, device, storage?.freeBytes, storageMissing, measured, contextTokens],
  );
}

/** A word, with a mark that says the same. */
export function VerdictMark({ assessment }: { assessment: Assessment | null }) {
  const { verdict } = assessment ?? {};
  return (
    <span class="verdict" data-verdict={verdict} data-testid="verdict">
      {verdict ? text.verdict(verdict) : "…"}
    </span>
  );
}

/** Size, memory and speed, then the reasons. */
export function Needs({ assessment, sizeBytes }: { assessment: Assessment | null; sizeBytes: number }) {
  return (
    <>
      <dl class="needs">
        <div>
          <dt>{text.size}</dt>
          <dd>{formatBytes(sizeBytes)}</dd>
        </div>
        <div>
          <dt>{text.memory}</dt>
          <dd data-testid="memory-needed">
            {assessment ? text.memoryOf(assessment.memoryBytes + assessment.scriptBytes, assessment.on) : "…"}
          </dd>
        </div>
        <div>
          <dt>{text.speed}</dt>
          <dd>{assessment?.tokensPerSecond ? text.speedOf(assessment.tokensPerSecond) : text.noSpeed}</dd>
        </div>
      </dl>
      {assessment && assessment.reasons.length > 0 && (
        <ul class="reasons small">
          {assessment.reasons.map((reason) => (
            <li key={reason.code} data-reason={reason.code}>
              {text.reason(reason)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
