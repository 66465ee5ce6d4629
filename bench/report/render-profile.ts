/** @file Results of kind "profile" as a section of docs/benchmarks.md. Pure. */
import { table, type Cell } from "../harness/markdown.ts";
import { timeByStage, type Stage } from "../profile/stages.ts";
import type { LengthProfile, ProfileResult } from "./profile-result.ts";
import type { Spread } from "./result.ts";

/** Kernels beyond these take next to nothing. */
const LISTED_KERNELS = 12;

/** @returns Markdown, without a line break at its end. */
export function renderProfile(result: ProfileResult): string {
  const { adapter, host, date, commit, machine, command, model, execution, notes } = result;
  const gpu = [adapter?.vendor, adapter?.architecture, adapter?.description].filter(Boolean).join(" ");
  return [
    `### ${model}, ${execution}${gpu ? `, ${gpu}` : ""}`,
    `${host}, ${machine.cpus} × ${machine.cpuModel}, ${date.slice(0, 10)}, commit ${commit ?? "unknown"}; \`${command}\``,
    notes.map((note) => `- ${note}`).join("\n"),
    renderGains(result),
    ...result.lengths.filter(({ kernels }) => kernels.length > 0).map((length) => renderKernels(length, result)),
  ].join("\n\n");
}

/** What three of the gains save, each measured with and without in turn. */
function renderGains({ lengths, layers, selfCheck }: ProfileResult): string {
  const rows = lengths.map(({ tokens, wholeMs, slicedMs, lastMs }): Cell[] => [
    tokens,
    ms(slicedMs),
    ms(wholeMs),
    ratio(slicedMs, wholeMs),
    ms(lastMs),
    `${percent((wholeMs.median - lastMs.median) / (layers.model * wholeMs.median))} of ${layers.model} layers`,
  ]);
  const head = [
    "tokens",
    "a layer with keys and values kept, ms",
    "whole sequence, ms",
    "faster",
    "as the last layer, ms",
    "spares a pass",
  ];
  const check = selfCheck
    ? `\n\nSelf-check of a load: all known answers ${ms(selfCheck.fullMs)} ms, in brief ${ms(selfCheck.briefMs)} ms.`
    : "";
  return `One text, milliseconds a run, median (range):\n\n${table(head, rows)}${check}`;
}

function renderKernels(length: LengthProfile, { peaks }: ProfileResult): string {
  const { tokens, kernels, flops, weightBytes } = length;
  const total = kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const floors: Partial<Record<Stage, number>> = peaks
    ? {
        "linear layers": 1000 * Math.max(flops.linear / peaks.flopsPerSecond, weightBytes / peaks.bytesPerSecond),
        attention: (1000 * flops.attention) / peaks.flopsPerSecond,
      }
    : {};
  const stages = timeByStage(kernels)
    .map((stage) => ({ ...stage, floorMs: floors[stage.stage] ?? 0 }))
    .sort((a, b) => b.milliseconds - b.floorMs - (a.milliseconds - a.floorMs));
  const stageRows = stages.map(({ stage, dispatches, milliseconds, floorMs }): Cell[] => [
    stage,
    dispatches,
    number(milliseconds),
    percent(milliseconds / total),
    number(floorMs),
    number(milliseconds - floorMs),
  ]);
  const kernelRows = kernels
    .slice(0, LISTED_KERNELS)
    .map(({ label, workgroups, count, milliseconds }): Cell[] => [
      `\`${label.replace(/\|/g, "/").slice(0, 60)}\``,
      workgroups.join(" × "),
      count,
      number(milliseconds),
      percent(milliseconds / total),
    ]);
  return [
    `**${tokens} tokens**: ${kernels.reduce((sum, { count }) => sum + count, 0)} dispatches, ${number(total)} ms on the device. What stands between a layer and the adapter's own peaks, the largest first:`,
    table(["stage", "dispatches", "ms", "share", "at the peaks, ms", "gap, ms"], stageRows),
    table(["kernel", "workgroups", "times", "ms", "share"], kernelRows),
  ].join("\n\n");
}

function ms({ median, least, most }: Spread): string {
  return `${number(median)} (${number(least)}–${number(most)})`;
}

function ratio(before: Spread, after: Spread): string {
  return `${(before.median / after.median).toFixed(2)} ×`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function number(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}
