/** @file Facts about device, model, self-checks, load and index, for those who want to know. */
import type { ComponentChildren } from "preact";
import type {
  DeviceStatus,
  DurationSummary,
  EmbedderStatus,
  LoadTimings,
  SearchIndexStatus,
  SelfCheckResult,
} from "../../src/index.ts";
import { formatDuration } from "../format.ts";
import { MemoryBar } from "../memory-bar.tsx";
import { PANEL_ID } from "../model-state.ts";
import { isRecovering } from "../state.ts";
import { strings } from "../strings.ts";
import { TimeBars } from "../time-split.tsx";

const text = strings.panels.engine;

interface DeviceFactProps {
  readonly status: EmbedderStatus;
  readonly onRetryGpu: () => void;
}

/** What runs the model and why; always seen. */
export function DeviceFact({ status: { device, recovery }, onRetryGpu }: DeviceFactProps) {
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
    </dl>
  );
}

interface ModelFactsProps {
  readonly status: EmbedderStatus;
  readonly latency: DurationSummary | null;
}

/** The model, how it is run, and the proof that it is run right. */
export function ModelFacts({ status, latency }: ModelFactsProps) {
  const { device, model, selfChecks, vram, recovery } = status;
  return (
    <dl class="facts">
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
      <Fact term={strings.status.precision} id="activations">
        {strings.status.activations(device.activations)}
      </Fact>
      <Fact term={strings.status.runtime} id="build">
        {strings.status.build(device.build)}
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

/** Where the load's time went. */
export function LoadTimes({ load }: { load: LoadTimings }) {
  return (
    <div class="load-times">
      <h3>
        {strings.status.loadTime} <span class="figures">{formatDuration(load.totalMs)}</span>
      </h3>
      <TimeBars parts={loadParts(load)} totalMs={load.totalMs} />
    </div>
  );
}

/** What is in the index, what of it is in memory, and what compares it. */
export function IndexFacts({ index }: { index: SearchIndexStatus }) {
  const { documents, passages, vectors, dimensions, vectorBytes, view, name } = index;
  return (
    <dl class="facts">
      <Fact term={text.index} id="index">
        {text.counts(documents, passages)}
        <span class="small">{text.vectorCount(vectors, dimensions)}</span>
        <span class="small">{name === null ? text.unkept : text.stored(vectorBytes)}</span>
      </Fact>
      {view && (
        <>
          <Fact term={text.view} id="view">
            {text.viewOf(view.bytes, view.dimensions, view.precision)}
            {view.rescore && <span class="small">{text.rescored}</span>}
          </Fact>
          <Fact term={text.compared} id="scan">
            {text.scanKinds[view.scan.kind]}
            <span class="small">{view.scan.reason}</span>
          </Fact>
        </>
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

function loadParts(load: LoadTimings) {
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
