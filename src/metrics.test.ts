import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BUCKET_BOUNDS_SECONDS, mergeMetrics, METRIC_NAMES, Metrics, METRICS } from "./metrics.ts";
import type { Histogram, MetricsSnapshot, Series } from "./metrics.ts";
import type { Priority, VramUse } from "./types.ts";

const PRIORITIES: readonly Priority[] = ["interactive", "normal", "bulk"];
const USES: readonly VramUse[] = ["weights", "tables", "hidden", "indices", "kv", "readback", "runtime"];

interface Event {
  readonly kind: "add" | "set" | "observe";
  readonly priority: Priority;
  readonly amount: number;
}

/** Whole numbers: sums of others depend on their order by the last bit. */
const eventsArbitrary = fc.array(
  fc.record({
    kind: fc.constantFrom("add", "set", "observe"),
    priority: fc.constantFrom(...PRIORITIES),
    amount: fc.integer({ min: 0, max: 2000 }),
  }),
  { maxLength: 30 },
);

function play(metrics: Metrics, events: readonly Event[]): MetricsSnapshot {
  for (const { kind, priority, amount } of events) {
    if (kind === "add") metrics.add("strata_requests_total", amount, { priority, outcome: "ok" });
    if (kind === "set") metrics.set("strata_queue_tokens", amount, { priority });
    if (kind === "observe") metrics.observe("strata_queue_wait_seconds", amount, { priority });
  }
  return metrics.snapshot();
}

const count = (events: readonly Event[]): MetricsSnapshot => play(new Metrics(), events);

/** Everything that may only grow, by metric and labels. */
function growing(snapshot: MetricsSnapshot): Map<string, number> {
  const values = new Map<string, number>();
  for (const name of METRIC_NAMES) {
    if (METRICS[name].type === "gauge") continue;
    for (const { labels, value } of snapshot[name] as readonly Series[]) {
      const key = name + JSON.stringify(labels);
      if (typeof value === "number") values.set(key, value);
      else [value.count, value.sum, ...value.counts].forEach((part, index) => values.set(`${key} ${index}`, part));
    }
  }
  return values;
}

const sortSeries = (snapshot: MetricsSnapshot): unknown =>
  METRIC_NAMES.map((name) => [...snapshot[name]].map((series) => JSON.stringify(series)).sort());

describe("METRICS", () => {
  it.each(METRIC_NAMES)("%s is named by Prometheus' rules, with its unit or kind at the end", (name) => {
    expect(name).toMatch(/^strata(_[a-z]+)+$/);
    const { type, labels, help } = METRICS[name];
    expect(name.endsWith("_total")).toBe(type === "counter");
    if (type === "histogram") expect(name).toMatch(/_seconds$/);
    for (const label of Object.keys(labels)) expect(label).toMatch(/^(?!le$)[a-z]+$/);
    expect(help).toMatch(/^[A-Z][^\\\n]*[^.]$/);
  });

  it("has a label value for each priority and each use of GPU memory", () => {
    expect(METRICS.strata_requests_total.labels.priority).toEqual(PRIORITIES);
    expect(METRICS.strata_vram_use_bytes.labels.use).toEqual(USES);
  });
});

describe("Metrics", () => {
  it("adds to counters, replaces gauges, sorts observations into buckets", () => {
    const metrics = new Metrics();
    metrics.add("strata_tokens_total", 3);
    metrics.add("strata_tokens_total", 4);
    metrics.set("strata_layers", 36, { residency: "resident" });
    metrics.set("strata_layers", 20, { residency: "resident" });
    metrics.set("strata_layers", 16, { residency: "streamed" });
    metrics.observe("strata_run_duration_seconds", 0.1);
    metrics.observe("strata_run_duration_seconds", 0.1001);
    const snapshot = metrics.snapshot();
    expect(snapshot.strata_tokens_total).toEqual([{ labels: {}, value: 7 }]);
    expect(snapshot.strata_layers).toEqual([
      { labels: { residency: "resident" }, value: 20 },
      { labels: { residency: "streamed" }, value: 16 },
    ]);
    const { counts, ...rest } = snapshot.strata_run_duration_seconds[0]!.value;
    expect(rest).toEqual({ sum: 0.2001, count: 2 });
    // A bound belongs to the bucket below it.
    const bucket = BUCKET_BOUNDS_SECONDS.indexOf(0.1);
    expect(counts.slice(bucket - 1, bucket + 3)).toEqual([0, 1, 1, 0]);
  });

  it("puts every observation into the bucket whose bounds enclose it", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 5000, noNaN: true }), (seconds) => {
        const metrics = new Metrics();
        metrics.observe("strata_pass_duration_seconds", seconds);
        const { counts } = metrics.snapshot().strata_pass_duration_seconds[0]!.value;
        const bucket = counts.indexOf(1);
        expect(seconds).toBeLessThanOrEqual(BUCKET_BOUNDS_SECONDS[bucket] ?? Infinity);
        expect(seconds).toBeGreaterThan(BUCKET_BOUNDS_SECONDS[bucket - 1] ?? -1);
      }),
    );
  });

  it("has counters without labels at 0 from the start, and nothing else", () => {
    const snapshot = new Metrics().snapshot();
    for (const name of METRIC_NAMES) {
      const bare = METRICS[name].type === "counter" && Object.keys(METRICS[name].labels).length === 0;
      expect(snapshot[name], name).toEqual(bare ? [{ labels: {}, value: 0 }] : []);
    }
  });

  it("finds the same series whatever the order of the labels", () => {
    const metrics = new Metrics();
    metrics.add("strata_requests_total", 1, { priority: "bulk", outcome: "ok" });
    metrics.add("strata_requests_total", 1, { outcome: "ok", priority: "bulk" });
    expect(metrics.snapshot().strata_requests_total).toEqual([
      { labels: { priority: "bulk", outcome: "ok" }, value: 2 },
    ]);
  });

  it("keeps a snapshot as it was taken, and one that crosses to another thread or into JSON the same", () => {
    const metrics = new Metrics();
    metrics.observe("strata_run_duration_seconds", 0.5);
    const snapshot = metrics.snapshot();
    const before = JSON.stringify(snapshot);
    expect(structuredClone(snapshot)).toEqual(snapshot);
    expect(JSON.parse(before)).toEqual(snapshot);
    metrics.observe("strata_run_duration_seconds", 0.5);
    metrics.add("strata_tokens_total", 1);
    expect(JSON.stringify(snapshot)).toBe(before);
  });

  it.each([-1, NaN, Infinity])("refuses to count %s", (amount) => {
    const metrics = new Metrics();
    expect(() => metrics.add("strata_tokens_total", amount)).toThrow(/invariant.*strata_tokens_total/);
    expect(() => metrics.observe("strata_run_duration_seconds", amount)).toThrow(/invariant/);
    expect(metrics.snapshot()).toEqual(new Metrics().snapshot());
  });

  it("refuses unknown names and labels when it is compiled", () => {
    const metrics = new Metrics();
    // @ts-expect-error: no such metric.
    expect(() => metrics.add("strata_typos_total", 1)).toThrow();
    // @ts-expect-error: a counter is not set.
    const set = (): void => metrics.set("strata_tokens_total", 1);
    // @ts-expect-error: a label is missing.
    const label = (): void => metrics.set("strata_layers", 1);
    // @ts-expect-error: no such value of the label.
    const value = (): void => metrics.set("strata_layers", 1, { residency: "rented" });
    expect([set, label, value]).toHaveLength(3);
  });

  it("never lets a counter or a histogram shrink", () => {
    fc.assert(
      fc.property(fc.array(eventsArbitrary, { maxLength: 4 }), (batches) => {
        const metrics = new Metrics();
        let before = growing(metrics.snapshot());
        for (const events of batches) {
          const after = growing(play(metrics, events));
          for (const [key, value] of before) expect(after.get(key)).toBeGreaterThanOrEqual(value);
          before = after;
        }
      }),
    );
  });
});

describe("mergeMetrics", () => {
  it("gives what one registry would have counted", () => {
    fc.assert(
      fc.property(eventsArbitrary, eventsArbitrary, (first, second) => {
        const merged = mergeMetrics(count(first), count(second));
        expect(sortSeries(merged)).toEqual(sortSeries(count([...first, ...second])));
      }),
    );
  });

  it("is associative", () => {
    fc.assert(
      fc.property(eventsArbitrary, eventsArbitrary, eventsArbitrary, (...events) => {
        const [a, b, c] = events.map(count) as [MetricsSnapshot, MetricsSnapshot, MetricsSnapshot];
        const all = mergeMetrics(a, b, c);
        expect(mergeMetrics(mergeMetrics(a, b), c)).toEqual(all);
        expect(mergeMetrics(a, mergeMetrics(b, c))).toEqual(all);
      }),
    );
  });

  it("takes a gauge from the last snapshot that has it", () => {
    const [worker, page] = [new Metrics(), new Metrics()];
    worker.set("strata_vram_live_bytes", 500);
    expect(mergeMetrics(worker.snapshot(), page.snapshot()).strata_vram_live_bytes[0]!.value).toBe(500);
    page.set("strata_vram_live_bytes", 0);
    expect(mergeMetrics(worker.snapshot(), page.snapshot()).strata_vram_live_bytes[0]!.value).toBe(0);
  });

  it("leaves its snapshots alone", () => {
    const snapshot = count([{ kind: "observe", priority: "bulk", amount: 1 }]);
    const before = structuredClone(snapshot);
    const merged = mergeMetrics(snapshot, snapshot);
    expect(snapshot).toEqual(before);
    expect((merged.strata_queue_wait_seconds[0]!.value satisfies Histogram).count).toBe(2);
  });

  it("is empty for nothing", () => {
    expect(mergeMetrics()).toEqual(new Metrics().snapshot());
  });
});
