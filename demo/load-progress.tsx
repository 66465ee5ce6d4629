/** @file One bar for the whole load: bytes, phase, and a way out. */
import type { LoadPhase, LoadProgress } from "../src/index.ts";
import { clipTo } from "./format.ts";
import { strings } from "./strings.ts";
import { TransferLines } from "./transfer-lines.tsx";

/** In order; the tokenizer is prepared beside the weights and has no step of its own. */
const PHASES: readonly LoadPhase[] = ["device", "download", "verify", "weights", "session", "self-check"];

const DOWNLOAD_PHASES: readonly LoadPhase[] = ["download", "verify"];

interface LoadCardProps {
  /** `null` before the first word from the worker. */
  readonly load: LoadProgress | null;
  /** Whether anything of this load had to be downloaded. */
  readonly downloads: boolean;
  readonly onCancel: () => void;
}

/** Shown until the model is ready. */
export function LoadCard({ load, downloads, onCancel }: LoadCardProps) {
  const phases = PHASES.filter((phase) => downloads || !DOWNLOAD_PHASES.includes(phase));
  const share = load && load.totalBytes > 0 ? load.loadedBytes / load.totalBytes : 0;
  const sentence = load ? strings.load.sentence(load.phase) : strings.load.starting;
  const bytes = load && load.totalBytes > 0 ? strings.load.bytes(load.loadedBytes, load.totalBytes) : "";
  return (
    <section class="card load" aria-labelledby="load-heading" data-testid="load" data-phase={load?.phase}>
      <div class="card-head">
        <h2 id="load-heading">{strings.load.heading}</h2>
        <button type="button" class="button" onClick={onCancel} data-testid="cancel">
          {strings.load.cancel}
        </button>
      </div>
      <div
        class="core"
        role="progressbar"
        aria-labelledby="load-heading"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={`${sentence}, ${bytes}`}
      >
        <div class="core-fill" style={{ clipPath: clipTo(share) }} />
      </div>
      <p class="load-line">
        <span>{sentence}…</span>
        <span class="figures" data-testid="load-bytes">
          {bytes}
        </span>
      </p>
      {load?.download && <TransferLines progress={load.download} />}
      <ol class="phases">
        {phases.map((phase) => (
          <li key={phase} data-step={stepOf(phase, load)}>
            {strings.load.phase(phase)}
          </li>
        ))}
      </ol>
    </section>
  );
}

function stepOf(phase: LoadPhase, load: LoadProgress | null): "done" | "now" | "later" {
  const at = load ? PHASES.indexOf(load.phase) : -1;
  if (PHASES.indexOf(phase) < at) return "done";
  return PHASES.indexOf(phase) === at ? "now" : "later";
}
