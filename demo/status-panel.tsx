/** @file What runs the model, whether it is right, and where the time goes. */
import type { ComponentChildren } from "preact";
import type { DeviceStatus, DurationSummary, EmbedderStatus, LoadTimings, SelfCheckResult } from "../src/index.ts";
import { formatDuration } from "./format.ts";
import { MemoryBar } from "./memory-bar.tsx";
import { PANEL_ID } from "./model-state.ts";
import { isRecovering } from "./state.ts";
import type { PageState, QueryTimings } from "./state.ts";
import { strings } from "./strings.ts";
import { TimeBars, TimeSplit } from "./time-split.tsx";
import type { TimePart } from "./time-split.tsx";

interface StatusPanelProps extends Pick<PageState, "search"> {
  readonly status: EmbedderStatus;
  /** Of all queries so far; `null` before the first. */
  readonly latency: DurationSummary | null;
  /** The GPU was given up; the visitor wants it tried again. */
  readonly onRetryGpu: () => void;
}

/** Facts of the loaded model and of the last query. */
export function StatusPanel({ status, search, latency, onRetryGpu }: StatusPanelProps) {
  return (
    <section class="card panel" aria-labelledby="status-heading" data-testid="status">
      <h2 id="status-heading">{strings.status.heading}</h2>
      <h3>
        {strings.status.lastQuery} <Total ms={search.timings?.totalMs} />
      </h3>
      {search.timings ? (
        <TimeSplit parts={queryParts(search.timings, status.device)} totalMs={search.timings.totalMs} />
      ) : (
        <p class="small split">{strings.status.noQuery}</p>
      )}
      <Facts status={status} latency={latency} onRetryGpu={onRetryGpu} />
      <h3>
        {strings.status.loadTime} <Total ms={status.load.totalMs} />
      </h3>
      <TimeBars parts={loadParts(status.load)} totalMs={status.load.totalMs} />
    </section>
  );
}

function Total({ ms }: { ms: number | undefined }) {
  return <span class="figures">{ms === undefined ? "" : formatDuration(ms)}</span>;
}

function Facts({ status, latency, onRetryGpu }: Omit<StatusPanelProps, "search">) {
  const { device, model, selfChecks, vram, recovery } = status;
  return (
    <dl class="facts">
      <Fact term={strings.status.device} id="device">
        {deviceName(device)}
        <span class="small">{device.reason}</span>
        {device.kind === "wasm" && recovery.lastLoss !== null && (
          <button type="button" class="button" onClick={onRetryGpu} data-testid="retry-gpu">
            {strings.recovery.retryGpu}
          </button>
        )}
      </Fact>
      <Fact term={strings.status.precision} id="activations">
        {strings.status.activations(device.activations)}
      </Fact>
      <Fact term={strings.status.runtime} id="build">
        {strings.status.build(device.build)}
      </Fact>
      <Fact term={strings.status.model} id="model">
        {model.name}
        <span class="small">{strings.status.weights(model.bits, model.hiddenSize, model.layers)}</span>
        <a class="link small" href={`#${PANEL_ID}`}>
          {strings.models.change}
        </a>
      </Fact>
      <Fact term={strings.status.selfCheck} id="self-check">
        {selfChecks.map((check, index) => (
          <span key={index} class="check" data-passed={check.passed}>
            {describeCheck(check)}
          </span>
        ))}
      </Fact>
      {vram.peakBytes > 0 && !isRecovering(status) && (
        <Fact term={strings.status.vram} id="vram">
          <MemoryBar vram={vram} />
        </Fact>
      )}
      {latency && (
        <Fact term={strings.status.latency} id="latency">
          {strings.status.latencies(latency.p50Ms, latency.p95Ms)}
        </Fact>
      )}
      {recovery.recoveries > 0 && (
        <Fact term={strings.status.recoveries} id="recoveries">
          {strings.status.recovered(recovery.recoveries, recovery.lastLoss ?? "")}
        </Fact>
      )}
    </dl>
  );
}

function Fact(props: { term: string; id: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{props.term}</dt>
      <dd data-testid={`status-${props.id}`}>{props.children}</dd>
    </div>
  );
}

function deviceName({ kind, adapter }: DeviceStatus): string {
  if (kind === "wasm") return strings.status.wasm;
  const name = strings.status.webgpu(adapter?.vendor ?? "", adapter?.architecture ?? "");
  return adapter?.software ? `${name} (${strings.status.software})` : name;
}

function describeCheck({ passed, scope, execution, maxAbsDiff, tolerance }: SelfCheckResult): string {
  const difference = maxAbsDiff.toExponential(1);
  if (passed) return scope === "full" ? strings.status.passed(difference) : strings.status.passedBriefly(difference);
  const { kind, activations, subgroups } = execution;
  const way = [kind, activations, kind === "webgpu" && !subgroups ? strings.status.noSubgroups : ""].filter(Boolean);
  return strings.status.failed(way.join(" "), difference, tolerance.toExponential(1));
}

function queryParts(timings: QueryTimings, device: DeviceStatus): TimePart[] {
  return [
    { label: strings.status.tokenize, ms: timings.tokenizeMs },
    { label: strings.status.queue, ms: timings.queueMs },
    { label: strings.status.run(device.kind), ms: timings.runMs },
    { label: strings.status.pool, ms: timings.poolMs },
    { label: strings.status.search, ms: timings.searchMs },
  ];
}

function loadParts(load: LoadTimings): TimePart[] {
  return [
    { label: strings.status.loadManifest, ms: load.manifestMs },
    // Of a model that is stored, or never is, there is none.
    ...(load.downloadMs > 0 ? [{ label: strings.status.loadDownload, ms: load.downloadMs }] : []),
    { label: strings.status.loadDevice, ms: load.deviceMs },
    { label: strings.status.loadRuntime, ms: load.runtimeMs },
    { label: strings.status.loadSession, ms: load.sessionMs },
    { label: strings.status.loadWeights, ms: load.weightsMs },
    { label: strings.status.loadTokenizer, ms: load.tokenizerMs },
    { label: strings.status.loadSelfCheck, ms: load.selfCheckMs },
  ];
}
