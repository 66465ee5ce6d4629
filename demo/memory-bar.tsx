/** @file What the GPU's memory is used for, as layers of one bar against the budget, and in words. */
import type { VramStatus, VramUse } from "../src/index.ts";
import { formatBytes, percent } from "./format.ts";
import { strings } from "./strings.ts";

/** In the order of the bar. */
const USES: readonly VramUse[] = ["weights", "kv", "hidden", "runtime", "tables", "indices", "readback"];

/** Bar, legend and budget. */
export function MemoryBar({ vram }: { vram: VramStatus }) {
  const { live, liveBytes, peakBytes, budgetBytes, budgetSource, predictedBytes } = vram;
  const whole = Math.max(budgetBytes ?? 0, liveBytes);
  const parts = USES.map((use, index) => ({ use, bytes: live[use], layer: `layer-${index}` })).filter(
    ({ bytes }) => bytes > 0,
  );
  return (
    <div data-testid="memory">
      <div class="split-bar memory-bar" aria-hidden="true">
        {parts.map(({ use, bytes, layer }) => (
          <span key={use} class={layer} style={{ width: percent(bytes / whole) }} />
        ))}
      </div>
      <p class="small">{strings.status.vramUse(liveBytes, peakBytes)}</p>
      {budgetBytes !== null && (
        <p class="small">{strings.status.vramBudget(budgetBytes, budgetSource ?? "", predictedBytes)}</p>
      )}
      <p class="small">{strings.status.layers(vram.residentLayers, vram.streamedLayers)}</p>
      <ul class="split-legend">
        {parts.map(({ use, bytes, layer }) => (
          <li key={use}>
            <span class={`swatch ${layer}`} aria-hidden="true" />
            {strings.status.vramPart(use)} <span class="figures">{formatBytes(bytes)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
