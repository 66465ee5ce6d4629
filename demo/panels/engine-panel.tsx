/** @file What goes on under the hood: where the last query's time went, memory, queue, network; the rest on demand. */
import type { DurationSummary, EmbedderStatus, Priority, SearchIndexStatus, SearchTimings } from "../../src/index.ts";
import { formatDuration } from "../format.ts";
import type { Offline } from "../offline.ts";
import { isRecovering } from "../state.ts";
import { useStore } from "../store.ts";
import { strings } from "../strings.ts";
import { TimeSplit } from "../time-split.tsx";
import { DeviceFact, IndexFacts, LoadTimes, ModelFacts } from "./engine-facts.tsx";
import { MemoryChart } from "./memory-chart.tsx";

const text = strings.panels.engine;

export interface EnginePanelProps {
  readonly status: EmbedderStatus;
  /** Of the last search; `null` before the first. */
  readonly timings: SearchTimings | null;
  /** Of all queries so far; `null` before the first. */
  readonly latency: DurationSummary | null;
  /** `null` until the library is open. */
  readonly index: SearchIndexStatus | null;
  readonly offline: Offline;
  /** The GPU was given up; the visitor wants it tried again. */
  readonly onRetryGpu: () => void;
}

/** Calm until something is opened. */
export function EnginePanel(props: EnginePanelProps) {
  const { status, timings, index, offline } = props;
  const hasMemory = status.vram.peakBytes > 0 && !isRecovering(status);
  return (
    <section class="card panel engine" aria-labelledby="status-heading" data-testid="status">
      <h2 id="status-heading">{text.heading}</h2>
      <div>
        <h3>
          {text.query} <span class="figures">{timings && formatDuration(timings.totalMs)}</span>
        </h3>
        {timings ? (
          <TimeSplit parts={queryParts(timings)} totalMs={timings.totalMs} />
        ) : (
          <p class="small split">{text.noQuery}</p>
        )}
      </div>
      <div>
        <h3>{text.memory}</h3>
        {hasMemory ? <MemoryChart vram={status.vram} /> : <p class="small">{text.memoryNone}</p>}
      </div>
      <Queue status={status} />
      <Network offline={offline} />
      <DeviceFact {...props} />
      {index && (
        <details>
          <summary>{text.indexDetails}</summary>
          <IndexFacts index={index} />
        </details>
      )}
      <details>
        <summary>{text.details}</summary>
        <ModelFacts {...props} />
        <LoadTimes load={status.load} />
      </details>
    </section>
  );
}

/** In the order of their happening. */
function queryParts({ embedMs, scanMs, lexicalMs, readMs }: SearchTimings) {
  return [
    { label: text.embed, ms: embedMs },
    { label: text.lexical, ms: lexicalMs },
    { label: text.scan, ms: scanMs },
    { label: text.read, ms: readMs },
  ];
}

const PRIORITIES: readonly Priority[] = ["interactive", "normal", "bulk"];

/** What waits or runs, by who asked for it; three lines always. */
function Queue({ status: { queue } }: { status: EmbedderStatus }) {
  return (
    <div data-testid="status-queue">
      <h3>{text.queue}</h3>
      <dl class="queue">
        {PRIORITIES.map((priority) => {
          const { requests, tokens } = queue[priority];
          return (
            <div key={priority} data-busy={requests > 0}>
              <dt>{text.priorities[priority]}</dt>
              <dd class="figures">{requests === 0 ? text.queueEmpty : text.queueOf(requests, tokens)}</dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}

/** Nothing is sent: counted, not promised. */
function Network({ offline }: { offline: Offline }) {
  const { online, requests, counted } = useStore(offline.store);
  return (
    <div>
      <h3>{text.network}</h3>
      <p class="small" data-testid="status-network" title={strings.offline.counted[counted]}>
        {requests === null ? text.networkUnknown : text.requests(requests)}
        {!online && ` · ${text.offline}`}
      </p>
    </div>
  );
}
