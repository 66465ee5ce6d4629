/** @file Metrics to read: percentiles, a summary for people, the text format of Prometheus. Pure. */
import { BUCKET_BOUNDS_SECONDS, METRIC_NAMES, METRICS } from "./metrics.ts";
import type { Histogram, MetricsSnapshot, NameOf, Series } from "./metrics.ts";
import type { Priority } from "./types.ts";

type Labels = Readonly<Record<string, string>>;

/** Every fifth bound (58 % apart): 36 buckets per histogram, since a server stores each as a series of its own. */
const TEXT_BUCKET_STEP = 5;

/**
 * @param q - 0 … 1; 0.95 for what 95 % of the values stay below.
 * @returns Seconds, interpolated inside its bucket: at most 9.7 % off from 0.1 ms to 1000 s, and 1000 s above that;
 * NaN for a histogram without values.
 */
export function quantile(histogram: Histogram, q: number): number {
  const { counts, count } = histogram;
  if (count === 0) return NaN;
  const rank = q * count;
  let below = 0;
  for (const [bucket, inBucket] of counts.entries()) {
    if (inBucket > 0 && below + inBucket >= rank) {
      const upper = BUCKET_BOUNDS_SECONDS[bucket] ?? BUCKET_BOUNDS_SECONDS.at(-1)!;
      const lower = BUCKET_BOUNDS_SECONDS[bucket - 1] ?? 0;
      return lower + ((upper - lower) * (rank - below)) / inBucket;
    }
    below += inBucket;
  }
  return BUCKET_BOUNDS_SECONDS.at(-1)!;
}

/**
 * What a Prometheus server reads (`Content-Type: text/plain; version=0.0.4`).
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function toPrometheus(snapshot: MetricsSnapshot): string {
  const lines: string[] = [];
  for (const name of METRIC_NAMES) {
    const all = snapshot[name] as readonly Series[];
    if (all.length === 0) continue;
    lines.push(`# HELP ${name} ${METRICS[name].help}`, `# TYPE ${name} ${METRICS[name].type}`);
    for (const { labels, value } of all) {
      if (typeof value === "object") lines.push(...histogramLines(name, labels, value));
      else lines.push(sample(name, labels, value));
    }
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** A histogram in milliseconds. */
export interface DurationSummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly meanMs: number;
}

/** What people want to know. GPU memory and queue are in the embedder's status. */
export interface MetricsSummary {
  readonly requests: { readonly ok: number; readonly failed: number };
  /** `null` where there was no request. */
  readonly latency: Readonly<Record<Priority, DurationSummary | null>>;
  readonly queueWait: Readonly<Record<Priority, DurationSummary | null>>;
  readonly passes: DurationSummary | null;
  readonly runs: DurationSummary | null;
  readonly texts: number;
  readonly tokens: number;
  /** 0 … 1; in linear layers there is none. */
  readonly attentionPaddingShare: number;
  readonly uploads: { readonly layers: number; readonly bytes: number };
  readonly outOfMemory: number;
  readonly recoveries: number;
  readonly rowsRerun: number;
  readonly faultyRows: number;
}

/** The snapshot for people: shares, totals and percentiles. */
export function summarize(snapshot: MetricsSnapshot): MetricsSummary {
  const total = (name: NameOf<"counter">, label?: string, text?: string): number =>
    (snapshot[name] as readonly { readonly labels: Labels; readonly value: number }[])
      .filter(({ labels }) => label === undefined || labels[label] === text)
      .reduce((sum, { value }) => sum + value, 0);
  const paddedRows = total("strata_attention_rows_total", "kind", "padding");
  const ok = total("strata_requests_total", "outcome", "ok");
  return {
    requests: { ok, failed: total("strata_requests_total") - ok },
    latency: byPriority(snapshot.strata_request_duration_seconds),
    queueWait: byPriority(snapshot.strata_queue_wait_seconds),
    passes: summarizeDuration(snapshot.strata_pass_duration_seconds[0]),
    runs: summarizeDuration(snapshot.strata_run_duration_seconds[0]),
    texts: total("strata_texts_total"),
    tokens: total("strata_tokens_total"),
    attentionPaddingShare: paddedRows / (total("strata_attention_rows_total") || 1),
    uploads: { layers: total("strata_uploads_total"), bytes: total("strata_upload_bytes_total") },
    outOfMemory: total("strata_out_of_memory_total"),
    recoveries: total("strata_recoveries_total"),
    rowsRerun: total("strata_rows_rerun_total"),
    faultyRows: total("strata_faulty_rows_total"),
  };
}

function histogramLines(name: string, labels: Labels, histogram: Histogram): string[] {
  const lines: string[] = [];
  let cumulative = 0;
  for (const [bucket, bound] of BUCKET_BOUNDS_SECONDS.entries()) {
    cumulative += histogram.counts[bucket]!;
    if (bucket % TEXT_BUCKET_STEP === 0) {
      lines.push(sample(`${name}_bucket`, { ...labels, le: String(bound) }, cumulative));
    }
  }
  lines.push(sample(`${name}_bucket`, { ...labels, le: "+Inf" }, histogram.count));
  lines.push(sample(`${name}_sum`, labels, histogram.sum), sample(`${name}_count`, labels, histogram.count));
  return lines;
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  const number = Math.abs(value) === Infinity ? `${value > 0 ? "+" : "-"}Inf` : String(value);
  return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${number}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function byPriority(all: readonly { readonly labels: { readonly priority: Priority }; readonly value: Histogram }[]) {
  const of = (priority: Priority): DurationSummary | null =>
    summarizeDuration(all.find(({ labels }) => labels.priority === priority));
  return { interactive: of("interactive"), normal: of("normal"), bulk: of("bulk") };
}

function summarizeDuration(series: { readonly value: Histogram } | undefined): DurationSummary | null {
  if (series === undefined) return null;
  const { value } = series;
  const ms = (q: number): number => quantile(value, q) * 1000;
  return {
    count: value.count,
    p50Ms: ms(0.5),
    p95Ms: ms(0.95),
    p99Ms: ms(0.99),
    meanMs: (value.sum / value.count) * 1000,
  };
}
