/** @file Counters, gauges and histograms: what is counted. Imports nothing; metrics-report.ts reads what comes out. */

type MetricType = "counter" | "gauge" | "histogram";

interface MetricDefinition {
  readonly type: MetricType;
  /** One sentence without a full stop; docs/metrics.md repeats it. */
  readonly help: string;
  /** What each label can say. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/** As `Priority` in types.ts, which imports this module. */
const PRIORITY = ["interactive", "normal", "bulk"] as const;
const VRAM_USE = ["weights", "tables", "hidden", "indices", "kv", "readback", "runtime"] as const;
/** Any text: the error codes, and what becomes of them, are no business of this module. */
const ANY: readonly string[] = [];

/** All metrics there are. Histograms are of seconds and share one grid of buckets. */
export const METRICS = {
  strata_requests_total: {
    type: "counter",
    help: "Requests that ended, by priority and outcome: ok or the error's code",
    labels: { priority: PRIORITY, outcome: ANY },
  },
  strata_request_duration_seconds: {
    type: "histogram",
    help: "From a request's arrival to its vectors",
    labels: { priority: PRIORITY },
  },
  strata_queue_requests: {
    type: "gauge",
    help: "Requests that wait or run",
    labels: { priority: PRIORITY },
  },
  strata_queue_tokens: {
    type: "gauge",
    help: "Tokens of the requests that wait or run",
    labels: { priority: PRIORITY },
  },
  strata_queue_wait_seconds: {
    type: "histogram",
    help: "Time of a request in which none of its passes ran",
    labels: { priority: PRIORITY },
  },
  strata_texts_total: { type: "counter", help: "Texts whose pass went well", labels: {} },
  strata_tokens_total: { type: "counter", help: "Tokens that went through all layers", labels: {} },
  strata_pass_duration_seconds: {
    type: "histogram",
    help: "All layers once over the chunks of a pass; the count is the number of passes",
    labels: {},
  },
  strata_run_duration_seconds: {
    type: "histogram",
    help: "One chunk through one layer; the count is the number of runs",
    labels: {},
  },
  strata_attention_rows_total: {
    type: "counter",
    help: "Rows of the rectangles that attention works on, per layer: tokens, or padding",
    labels: { kind: ["token", "padding"] },
  },
  strata_vram_live_bytes: { type: "gauge", help: "GPU memory held now", labels: {} },
  strata_vram_peak_bytes: { type: "gauge", help: "Most GPU memory held at once", labels: {} },
  strata_vram_budget_bytes: { type: "gauge", help: "GPU memory that plans may take", labels: {} },
  strata_vram_predicted_bytes: {
    type: "gauge",
    help: "Most GPU memory that a plan was to take by the cost model",
    labels: {},
  },
  strata_vram_use_bytes: { type: "gauge", help: "GPU memory held now, by what it holds", labels: { use: VRAM_USE } },
  strata_layers: {
    type: "gauge",
    help: "Layers that stay in GPU memory, or are uploaded anew in each pass",
    labels: { residency: ["resident", "streamed"] },
  },
  strata_out_of_memory_total: { type: "counter", help: "Passes that ended for want of memory", labels: {} },
  strata_vram_budget_changes_total: {
    type: "counter",
    help: "Times the budget was made smaller or larger",
    labels: { direction: ["shrink", "grow"] },
  },
  strata_recoveries_total: {
    type: "counter",
    help: "Lost devices and workers that were replaced, by the error's code",
    labels: { cause: ANY },
  },
  strata_watchdog_misses_total: {
    type: "counter",
    help: "Workers found frozen: silent, or with a run past its deadline",
    labels: {},
  },
  strata_uploads_total: { type: "counter", help: "Streamed layers written to the GPU", labels: {} },
  strata_upload_bytes_total: { type: "counter", help: "Bytes of streamed layers written to the GPU", labels: {} },
  strata_rows_rerun_total: { type: "counter", help: "Rows that were not finite and were run again in f32", labels: {} },
  strata_faulty_rows_total: { type: "counter", help: "Rows that were not finite in f32 either", labels: {} },
  strata_loads_total: {
    type: "counter",
    help: "Loads of the model that ended, by outcome: ok or the error's code",
    labels: { outcome: ANY },
  },
  strata_warm_up_seconds: { type: "gauge", help: "What the last warm-up took", labels: {} },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** A metric of the table; unit and kind are its suffix. */
export type MetricName = keyof typeof METRICS;

type Definition<N extends MetricName> = (typeof METRICS)[N];
/** The metrics of one type. */
export type NameOf<T extends MetricType> = {
  [N in MetricName]: Definition<N>["type"] extends T ? N : never;
}[MetricName];
type LabelsOf<N extends MetricName> = {
  readonly [L in keyof Definition<N>["labels"]]: Definition<N>["labels"][L] extends readonly (infer V)[] ? V : never;
};
/** A metric without labels takes no argument for them. */
type LabelArguments<N extends MetricName> = keyof LabelsOf<N> extends never ? [] : [labels: LabelsOf<N>];

/** How often values fell where. */
export interface Histogram {
  /** By bucket of `BUCKET_BOUNDS_SECONDS`, not cumulative; the last one is of all above. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** One value of a metric. */
export interface Series<N extends MetricName = MetricName> {
  readonly labels: LabelsOf<N>;
  readonly value: N extends NameOf<"histogram"> ? Histogram : number;
}

/**
 * Values of all metrics at one moment: a plain value that survives a structured clone and JSON.
 * Counters without labels are there from the start, all else from its first value on.
 */
export type MetricsSnapshot = { readonly [N in MetricName]: readonly Series<N>[] };

/** From a run of a tiny layer to a bulk request of a quarter of an hour. */
const BUCKET_DECADES = { from: -4, to: 3 };

/** Neighbours are 9.6 % apart, and so a quantile is never further off than that. */
const BUCKETS_PER_DECADE = 25;

/** Upper bounds of the buckets, inclusive, in seconds; one more bucket holds what is above the last. */
export const BUCKET_BOUNDS_SECONDS: readonly number[] = Array.from(
  { length: (BUCKET_DECADES.to - BUCKET_DECADES.from) * BUCKETS_PER_DECADE + 1 },
  (_, index) => Number((10 ** (BUCKET_DECADES.from + index / BUCKETS_PER_DECADE)).toPrecision(4)),
);

/** In the order of the table. */
export const METRIC_NAMES = Object.keys(METRICS) as MetricName[];

interface MutableHistogram {
  readonly counts: number[];
  sum: number;
  count: number;
}

interface MutableSeries {
  readonly labels: Readonly<Record<string, string>>;
  value: number | MutableHistogram;
}

/** A registry: one in the worker, one on the page. Names and labels are checked by their types. */
export class Metrics {
  readonly #series = new Map<MetricName, Map<string, MutableSeries>>(METRIC_NAMES.map((name) => [name, new Map()]));

  constructor() {
    // So that a rate can be taken over the first event.
    for (const name of METRIC_NAMES) {
      const { type, labels } = METRICS[name];
      if (type === "counter" && Object.keys(labels).length === 0) this.#at(name);
    }
  }

  /** @param amount - Finite and not negative: counters never shrink. */
  add<N extends NameOf<"counter">>(name: N, amount: number, ...[labels]: LabelArguments<N>): void {
    checkAmount(name, amount);
    const series = this.#at(name, labels);
    series.value = (series.value as number) + amount;
  }

  /** Of gauges only the last value counts. */
  set<N extends NameOf<"gauge">>(name: N, value: number, ...[labels]: LabelArguments<N>): void {
    this.#at(name, labels).value = value;
  }

  /** @param seconds - Finite and not negative. */
  observe<N extends NameOf<"histogram">>(name: N, seconds: number, ...[labels]: LabelArguments<N>): void {
    checkAmount(name, seconds);
    const histogram = this.#at(name, labels).value as MutableHistogram;
    histogram.counts[bucketOf(seconds)]!++;
    histogram.sum += seconds;
    histogram.count++;
  }

  /** Takes over what another registry counted: counters and histograms add up, gauges are replaced. */
  merge(snapshot: MetricsSnapshot): void {
    for (const name of METRIC_NAMES) {
      for (const { labels, value } of snapshot[name] as readonly Series[]) {
        const series = this.#at(name, labels);
        if (typeof value === "object") addHistogram(series.value as MutableHistogram, value);
        else series.value = METRICS[name].type === "gauge" ? value : (series.value as number) + value;
      }
    }
  }

  /** A copy: later counting does not show in it. About 15 µs with every series in use. */
  snapshot(): MetricsSnapshot {
    const entries = METRIC_NAMES.map((name) => [name, Array.from(this.#series.get(name)!.values(), copySeries)]);
    return Object.fromEntries(entries) as MetricsSnapshot;
  }

  #at(name: MetricName, given: object = {}): MutableSeries {
    const labels = given as Readonly<Record<string, string>>;
    const all = this.#series.get(name)!;
    const names = Object.keys(METRICS[name].labels);
    const key = JSON.stringify(names.map((label) => labels[label]));
    let series = all.get(key);
    if (series === undefined) {
      const value = METRICS[name].type === "histogram" ? emptyHistogram() : 0;
      series = { labels: Object.fromEntries(names.map((label) => [label, labels[label]!])), value };
      all.set(key, series);
    }
    return series;
  }
}

/** Counters and histograms add up; of a gauge the last snapshot that has it wins. */
export function mergeMetrics(...snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const merged = new Metrics();
  for (const snapshot of snapshots) merged.merge(snapshot);
  return merged.snapshot();
}

function checkAmount(name: MetricName, amount: number): void {
  if (!(amount >= 0 && amount < Infinity)) throw new Error(`broken invariant: ${name} is given ${amount}`);
}

/** First bucket whose bound is not below the value. */
function bucketOf(seconds: number): number {
  let low = 0;
  let high = BUCKET_BOUNDS_SECONDS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (BUCKET_BOUNDS_SECONDS[middle]! < seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

function emptyHistogram(): MutableHistogram {
  return { counts: Array<number>(BUCKET_BOUNDS_SECONDS.length + 1).fill(0), sum: 0, count: 0 };
}

function addHistogram(target: MutableHistogram, added: Histogram): void {
  for (let bucket = 0; bucket < target.counts.length; bucket++) target.counts[bucket]! += added.counts[bucket]!;
  target.sum += added.sum;
  target.count += added.count;
}

function copySeries({ labels, value }: MutableSeries): MutableSeries {
  return { labels, value: typeof value === "object" ? { ...value, counts: value.counts.slice() } : value };
}
