/** @file One workload: a bar for each contender, and its figures. */
import { formatBytes, formatCount, formatDuration, percent } from "../../demo/format.ts";
import type { EntryResult, WorkloadResult } from "../report/compare-result.ts";
import { RIGHT_COSINE } from "../report/verdict.ts";

const NAMES = { strata: "Strata", "transformers.js": "transformers.js" } as const;

export function WorkloadCard({ workload }: { readonly workload: WorkloadResult }) {
  const { kind, title, texts, tokens, entries } = workload;
  const slowest = Math.max(...entries.map(({ ms }) => ms?.median ?? 0));
  const hasLatency = entries.some(({ latency }) => latency);
  const hasMemory = entries.some(({ memory }) => memory);
  const hasVram = entries.some(({ memory }) => memory && memory.peakVramBytes > 0);
  const hasExactness = entries.some(({ exactness }) => exactness);
  const timed = kind !== "shorter-in-batch";
  const hasRate = timed && entries.some(({ tokensPerSecond }) => tokensPerSecond);
  const columns = { hasLatency, hasRate, hasVram, hasMemory, hasExactness };
  const heading = title[0]!.toUpperCase() + title.slice(1);
  return (
    <section class="card workload" data-testid="workload" data-kind={kind}>
      <h2>{heading}</h2>
      <p class="small">
        {formatCount(texts)} {texts === 1 ? "text" : "texts"}, {formatCount(tokens)} tokens.{" "}
        {timed ? "Shorter bars are faster." : "Once each, for exactness: times are not comparable."}
      </p>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={`Figures: ${heading}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Runtime</th>
              <th scope="col" class="bar-cell">
                Time
              </th>
              {hasLatency && <th scope="col">p50 / p95</th>}
              {hasRate && <th scope="col">Tokens/s</th>}
              {hasVram && <th scope="col">GPU peak</th>}
              {hasMemory && <th scope="col">WASM heap</th>}
              {hasExactness && <th scope="col">Least cosine</th>}
              {hasExactness && <th scope="col">Max. difference</th>}
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <EntryRow key={entry.contender + entry.mode} {...{ entry, slowest, columns }} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface EntryRowProps {
  readonly entry: EntryResult;
  /** Milliseconds. */
  readonly slowest: number;
  readonly columns: Readonly<Record<"hasLatency" | "hasRate" | "hasVram" | "hasMemory" | "hasExactness", boolean>>;
}

function EntryRow({ entry, slowest, columns }: EntryRowProps) {
  const { hasLatency, hasRate, hasVram, hasMemory, hasExactness } = columns;
  const { contender, mode, failure, ms, latency, tokensPerSecond, memory, exactness } = entry;
  const name = (
    <th scope="row">
      {NAMES[contender]}
      {mode !== "as given" && <span class="small"> {mode}</span>}
    </th>
  );
  if (failure !== null) {
    return (
      <tr>
        {name}
        <td class="failed" colSpan={7}>
          failed: {failure}
        </td>
      </tr>
    );
  }
  const wrong = exactness && exactness.minCosine < RIGHT_COSINE;
  return (
    <tr>
      {name}
      <td class="bar-cell">
        {ms && (
          <span class="bar-line">
            <span class="bar-track" aria-hidden="true">
              <span
                class={contender === "strata" ? "bar bar-strata" : "bar bar-peer"}
                style={{ width: percent(ms.median / slowest) }}
              />
            </span>
            <span>{formatDuration(ms.median)}</span>
          </span>
        )}
      </td>
      {hasLatency && (
        <td data-name="p50 / p95">{latency && `${formatDuration(latency.p50)} / ${formatDuration(latency.p95)}`}</td>
      )}
      {hasRate && <td data-name="Tokens/s">{tokensPerSecond && formatCount(tokensPerSecond.median)}</td>}
      {hasVram && <td data-name="GPU peak">{memory && formatBytes(memory.peakVramBytes)}</td>}
      {hasMemory && <td data-name="WASM heap">{memory && formatBytes(memory.wasmBytes)}</td>}
      {hasExactness && (
        <td data-name="Least cosine" class={wrong ? "failed" : ""}>
          {exactness && `${exactness.minCosine.toFixed(6)}${wrong ? " wrong" : ""}`}
        </td>
      )}
      {hasExactness && <td data-name="Max. difference">{exactness && exactness.maxAbsDiff.toExponential(1)}</td>}
    </tr>
  );
}
