/** @file What the worker counts: events of the pipeline → metrics. */
import type { Planner } from "./batch/planner.ts";
import type { PassEvent } from "./batch/scheduler.ts";
import type { Engine } from "./gpu/engine.ts";
import { Metrics, type MetricsSnapshot } from "./metrics.ts";
import type { Priority, QueueStatus, VramStatus, VramUse } from "./types.ts";

/** One pipeline's registry. */
export class PipelineMetrics {
  readonly #metrics = new Metrics();
  readonly #engine: Pick<Engine, "weights">;
  readonly #planner: Planner;
  #uploads = { layers: 0, bytes: 0 };
  #budgetBytes: number;

  constructor(parts: { readonly engine: Pick<Engine, "weights">; readonly planner: Planner }) {
    this.#engine = parts.engine;
    this.#planner = parts.planner;
    this.#budgetBytes = parts.planner.budget.bytes;
  }

  /** A pass went well. */
  passed({ sequences, tokens, cells, ms }: PassEvent): void {
    this.#metrics.add("strata_texts_total", sequences);
    this.#metrics.add("strata_tokens_total", tokens);
    this.#metrics.add("strata_attention_rows_total", tokens, { kind: "token" });
    this.#metrics.add("strata_attention_rows_total", cells - tokens, { kind: "padding" });
    this.#metrics.observe("strata_pass_duration_seconds", ms / 1000);
    this.#noticeBudget();
  }

  /** A run ended on the device. */
  ran(ms: number): void {
    this.#metrics.observe("strata_run_duration_seconds", ms / 1000);
  }

  waited(priority: Priority, ms: number): void {
    this.#metrics.observe("strata_queue_wait_seconds", Math.max(0, ms) / 1000, { priority });
  }

  ranOutOfMemory(): void {
    this.#metrics.add("strata_out_of_memory_total", 1);
  }

  /** Rows were run again in f32. */
  reran(rows: number): void {
    this.#metrics.add("strata_rows_rerun_total", rows);
  }

  faulty(rows: number): void {
    this.#metrics.add("strata_faulty_rows_total", rows);
  }

  warmedUp(ms: number): void {
    this.#metrics.set("strata_warm_up_seconds", ms / 1000);
  }

  snapshot(queue: QueueStatus, vram: VramStatus): MetricsSnapshot {
    this.#noticeBudget();
    this.#noticeUploads();
    const metrics = this.#metrics;
    for (const [priority, { requests, tokens }] of Object.entries(queue) as [Priority, QueueStatus[Priority]][]) {
      metrics.set("strata_queue_requests", requests, { priority });
      metrics.set("strata_queue_tokens", tokens, { priority });
    }
    metrics.set("strata_vram_live_bytes", vram.liveBytes);
    metrics.set("strata_vram_peak_bytes", vram.peakBytes);
    metrics.set("strata_vram_predicted_bytes", vram.predictedBytes);
    if (vram.budgetBytes !== null) metrics.set("strata_vram_budget_bytes", vram.budgetBytes);
    for (const [use, bytes] of Object.entries(vram.live) as [VramUse, number][]) {
      metrics.set("strata_vram_use_bytes", bytes, { use });
    }
    metrics.set("strata_layers", vram.residentLayers, { residency: "resident" });
    metrics.set("strata_layers", vram.streamedLayers, { residency: "streamed" });
    return metrics.snapshot();
  }

  #noticeBudget(): void {
    const { bytes } = this.#planner.budget;
    const direction = bytes > this.#budgetBytes ? "grow" : "shrink";
    if (bytes !== this.#budgetBytes) this.#metrics.add("strata_vram_budget_changes_total", 1, { direction });
    this.#budgetBytes = bytes;
  }

  #noticeUploads(): void {
    const { layers, bytes } = this.#engine.weights.uploads;
    this.#metrics.add("strata_uploads_total", layers - this.#uploads.layers);
    this.#metrics.add("strata_upload_bytes_total", bytes - this.#uploads.bytes);
    this.#uploads = { layers, bytes };
  }
}
