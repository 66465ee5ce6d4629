/** @file GPU memory over the last minute against its budget, and the layers that stay in it. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { VramStatus } from "../../src/index.ts";
import { percent } from "../format.ts";
import { strings } from "../strings.ts";
import { addReading, stepArea, stepPath } from "./sparkline.ts";
import type { Reading } from "./sparkline.ts";

const text = strings.panels.engine;

/** The drawing's own units; it is stretched to its column. */
const WIDTH = 300;
const HEIGHT = 56;

const TICK_MS = 1000;

/** Room above the highest value. */
const HEADROOM = 1.1;

/** A chart that moves each second while the page is seen. */
export function MemoryChart({ vram }: { vram: VramStatus }) {
  const { liveBytes, peakBytes, budgetBytes } = vram;
  const { readings, nowMs } = useReadings(liveBytes);
  // The budget only where it is near: most of the time it would press the line to the ground.
  const isBudgetNear = budgetBytes !== null && budgetBytes < peakBytes * 4;
  const most = Math.max(isBudgetNear ? budgetBytes : 0, peakBytes, 1) * HEADROOM;
  const area = { width: WIDTH, height: HEIGHT, most, nowMs };
  return (
    <div class="memory-chart" data-testid="memory-chart">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={text.memoryChart(liveBytes, peakBytes, budgetBytes)}
      >
        <Level className="memory-peak" value={peakBytes} most={most} />
        {isBudgetNear && <Level className="memory-budget" value={budgetBytes} most={most} />}
        <path class="memory-area" d={stepArea(readings, area)} />
        <path class="memory-line" d={stepPath(readings, area)} />
      </svg>
      <p class="small memory-figures">
        <span>{text.memoryLine(liveBytes, peakBytes)}</span>
        {budgetBytes !== null && <span>{text.budget(budgetBytes)}</span>}
      </p>
      <LayerBar resident={vram.residentLayers} streamed={vram.streamedLayers} />
    </div>
  );
}

function Level({ className, value, most }: { className: string; value: number; most: number }) {
  const y = (1 - value / most) * HEIGHT;
  return <line class={className} x1="0" x2={WIDTH} y1={y} y2={y} />;
}

/** Layers that stay, and those that are brought in anew. */
function LayerBar({ resident, streamed }: { resident: number; streamed: number }) {
  const all = resident + streamed;
  if (all === 0) return null;
  return (
    <div class="layer-bar">
      <div class="split-bar" aria-hidden="true">
        <span class="layer-2" style={{ width: percent(resident / all) }} />
        <span class="layer-streamed" style={{ width: percent(streamed / all) }} />
      </div>
      <p class="small memory-figures">
        <span>
          {text.layers}: {text.resident(resident)}
        </span>
        <span>{text.streamed(streamed)}</span>
      </p>
    </div>
  );
}

/** A reading each second, the highest since the one before; none while the page is hidden. */
function useReadings(value: number): { readonly readings: readonly Reading[]; readonly nowMs: number } {
  const [state, setState] = useState(() => {
    const nowMs = performance.now();
    return { nowMs, readings: [{ atMs: nowMs, value }] as readonly Reading[] };
  });
  const latest = useRef(value);
  const highest = useRef(value);
  latest.current = value;
  highest.current = Math.max(highest.current, value);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "hidden") return;
      const nowMs = performance.now();
      const reading = { atMs: nowMs, value: highest.current };
      highest.current = latest.current;
      setState(({ readings }) => ({ nowMs, readings: addReading(readings, reading) }));
    }, TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return state;
}
