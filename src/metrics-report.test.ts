import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantile, summarize, toPrometheus } from "./metrics-report.ts";
import { METRIC_NAMES, Metrics, METRICS } from "./metrics.ts";
import type { Histogram } from "./metrics.ts";

function histogramOf(values: readonly number[]): Histogram {
  const metrics = new Metrics();
  for (const seconds of values) metrics.observe("strata_run_duration_seconds", seconds);
  return metrics.snapshot().strata_run_duration_seconds[0]!.value;
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly type: string;
  readonly samples: Sample[];
}

const SAMPLE_LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([-+]?(?:Inf|NaN|[0-9.]+(?:e[-+]?[0-9]+)?))$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

/** Pairs without a gap between them: what is left over is a fault. */
function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    if (match === null) throw new Error(`not labels: ${text}`);
    const [, label, escaped] = match as unknown as [string, string, string];
    if (label in labels) throw new Error(`label twice: ${label}`);
    labels[label] = escaped.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
  }
  return labels;
}

/** HELP, TYPE, samples, each family in one block: text format 0.0.4 as published, and nothing that only some readers take. */
function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<string, Family>();
  let helped = "";
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (?:[^\\]|\\[\\n])+$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$/.exec(line);
    const sample = SAMPLE_LINE.exec(line);
    if (help) helped = help[1]!;
    else if (type) {
      current = type[1]!;
      if (helped !== current || families.has(current)) throw new Error(`TYPE out of place: ${line}`);
      families.set(current, { type: type[2]!, samples: [] });
    } else if (sample) {
      const family = families.get(current)!;
      const suffix = family.type === "histogram" ? "_(bucket|sum|count)" : "";
      if (!new RegExp(`^${current}${suffix}$`).test(sample[1]!)) throw new Error(`not of ${current}: ${line}`);
      const value = Number(sample[3]!.replace("Inf", "Infinity"));
      family.samples.push({ name: sample[1]!, labels: parseLabels(sample[2] ?? ""), value });
    } else throw new Error(`not a line of the format: ${line}`);
  }
  return families;
}

/** The rules for what belongs together. */
function checkFamily({ type, samples }: Family): void {
  const keys = samples.map(({ name, labels }) => name + JSON.stringify(Object.entries(labels).sort()));
  expect(new Set(keys).size).toBe(keys.length);
  if (type !== "histogram") return;
  const own = ({ labels }: Sample): string =>
    JSON.stringify(Object.entries(labels).filter(([label]) => label !== "le"));
  for (const key of new Set(samples.map(own))) {
    const group = samples.filter((sample) => own(sample) === key);
    const buckets = group.filter(({ name }) => name.endsWith("_bucket"));
    const bounds = buckets.map(({ labels }) => Number(labels["le"]!.replace("+Inf", "Infinity")));
    const cumulative = buckets.map(({ value }) => value);
    expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
    expect(cumulative).toEqual(cumulative.toSorted((a, b) => a - b));
    expect(bounds.at(-1)).toBe(Infinity);
    const [sum, count, ...rest] = group.slice(buckets.length);
    expect([sum!.name.slice(-4), count!.name.slice(-6), rest]).toEqual(["_sum", "_count", []]);
    expect(count!.value).toBe(cumulative.at(-1));
  }
}

describe("quantile", () => {
  it("is within 10 % of the true value", () => {
    const value = fc.double({ min: 1e-4, minExcluded: true, max: 1000, noNaN: true });
    const values = fc.array(value, { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(values, fc.constantFrom(0, 0.5, 0.95, 0.99, 1), (seconds, q) => {
        const sorted = seconds.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
        const estimate = quantile(histogramOf(seconds), q);
        expect(estimate / exact).toBeGreaterThan(0.9);
        expect(estimate / exact).toBeLessThan(1.1);
      }),
    );
  });

  it("interpolates inside a bucket", () => {
    // 0.1 … 0.1096 is one bucket: half of its values are taken to be below its middle.
    expect(quantile(histogramOf([0.101, 0.102, 0.103, 0.104]), 0.5)).toBeCloseTo(0.1048, 4);
  });

  it("starts at 0 in the first bucket and stops at the last bound", () => {
    expect(quantile(histogramOf([0, 0]), 0.5)).toBe(0.00005);
    expect(quantile(histogramOf([5000]), 0.5)).toBe(1000);
  });

  it("has no value for an empty histogram", () => {
    expect(quantile({ counts: [], sum: 0, count: 0 }, 0.5)).toBeNaN();
  });
});

describe("toPrometheus", () => {
  it("keeps to the text format, whatever was counted", () => {
    const event = fc.record({
      outcome: fc.string({ unit: fc.constantFrom("\\", '"', "\n", "n", "{", "}", ",", "=", " ", "é", "🙂") }),
      seconds: fc.double({ min: 0, max: 1e5, noNaN: true }),
      // The text knows one zero.
      gauge: fc.double().map((value) => value + 0),
      priority: fc.constantFrom("interactive", "normal", "bulk"),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 10 }), (events) => {
        const metrics = new Metrics();
        for (const { outcome, seconds, gauge, priority } of events) {
          metrics.add("strata_requests_total", seconds, { priority, outcome });
          metrics.observe("strata_request_duration_seconds", seconds, { priority });
          metrics.observe("strata_run_duration_seconds", seconds);
          metrics.set("strata_vram_live_bytes", gauge);
        }
        const families = parseExposition(toPrometheus(metrics.snapshot()));
        for (const family of families.values()) checkFamily(family);
        const outcomes = families.get("strata_requests_total")?.samples.map(({ labels }) => labels["outcome"]) ?? [];
        expect(new Set(outcomes)).toEqual(new Set(events.map(({ outcome }) => outcome)));
        expect(families.get("strata_vram_live_bytes")?.samples[0]!.value).toEqual(events.at(-1)?.gauge);
      }),
    );
  });

  it("writes counters, gauges and histograms", () => {
    const metrics = new Metrics();
    metrics.add("strata_requests_total", 2, { priority: "bulk", outcome: 'a\\b"c\nd' });
    metrics.set("strata_vram_budget_bytes", Infinity);
    metrics.observe("strata_queue_wait_seconds", 0.5, { priority: "bulk" });
    metrics.observe("strata_queue_wait_seconds", 2000, { priority: "bulk" });
    const lines = toPrometheus(metrics.snapshot()).split("\n");
    expect(lines.slice(0, 3)).toEqual([
      "# HELP strata_requests_total Requests that ended, by priority and outcome: ok or the error's code",
      "# TYPE strata_requests_total counter",
      String.raw`strata_requests_total{priority="bulk",outcome="a\\b\"c\nd"} 2`,
    ]);
    expect(lines).toContain("strata_vram_budget_bytes +Inf");
    expect(lines.filter((line) => /wait_seconds.*"(0.3981|0.631|1000|.Inf)"|wait_seconds_[sc]/.test(line))).toEqual([
      'strata_queue_wait_seconds_bucket{priority="bulk",le="0.3981"} 0',
      'strata_queue_wait_seconds_bucket{priority="bulk",le="0.631"} 1',
      'strata_queue_wait_seconds_bucket{priority="bulk",le="1000"} 1',
      'strata_queue_wait_seconds_bucket{priority="bulk",le="+Inf"} 2',
      'strata_queue_wait_seconds_sum{priority="bulk"} 2000.5',
      'strata_queue_wait_seconds_count{priority="bulk"} 2',
    ]);
  });

  it("leaves out what has no value yet", () => {
    const text = toPrometheus(new Metrics().snapshot());
    expect(text).not.toContain("strata_requests_total");
    expect(text).toContain("\nstrata_out_of_memory_total 0\n");
  });
});

describe("summarize", () => {
  it("gives totals, shares and percentiles", () => {
    const metrics = new Metrics();
    for (let ms = 1; ms <= 100; ms++) {
      metrics.observe("strata_request_duration_seconds", ms / 1000, { priority: "interactive" });
    }
    metrics.add("strata_requests_total", 9, { priority: "interactive", outcome: "ok" });
    metrics.add("strata_requests_total", 1, { priority: "bulk", outcome: "ok" });
    metrics.add("strata_requests_total", 2, { priority: "bulk", outcome: "queue-full" });
    metrics.add("strata_attention_rows_total", 30, { kind: "token" });
    metrics.add("strata_attention_rows_total", 10, { kind: "padding" });
    metrics.add("strata_recoveries_total", 1, { cause: "device-lost" });
    metrics.add("strata_recoveries_total", 2, { cause: "worker-crashed" });
    const summary = summarize(metrics.snapshot());
    expect(summary).toMatchObject({
      requests: { ok: 10, failed: 2 },
      attentionPaddingShare: 0.25,
      recoveries: 3,
      outOfMemory: 0,
      runs: null,
    });
    const { interactive, bulk } = summary.latency;
    expect(bulk).toBeNull();
    expect(interactive!.count).toBe(100);
    expect(interactive!.meanMs).toBeCloseTo(50.5, 9);
    for (const [estimate, exact] of [
      [interactive!.p50Ms, 50],
      [interactive!.p95Ms, 95],
      [interactive!.p99Ms, 99],
    ] as const) {
      expect(Math.abs(estimate - exact) / exact).toBeLessThan(0.1);
    }
  });
});

describe("docs/metrics.md", () => {
  it("lists exactly the metrics there are, with type, labels and meaning", async () => {
    const document = await readFile(new URL("../docs/metrics.md", import.meta.url), "utf8");
    const rows = document.split("\n").filter((line) => line.startsWith("| `strata_"));
    const cells = rows.map((row) =>
      row
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
    expect(cells).toEqual(
      METRIC_NAMES.map((name) => {
        const { type, labels, help } = METRICS[name];
        const texts = Object.entries(labels).map(([label, values]) => {
          const known = values as readonly string[];
          return known.length > 0 ? `\`${label}\` (${known.join(", ")})` : `\`${label}\``;
        });
        return [`\`${name}\``, type, texts.join(", ") || "none", help];
      }),
    );
  });
});
