/** @file What the page says while a lost device is being replaced; nothing that was asked for is lost meanwhile. */
import { useEffect, useState } from "preact/hooks";
import type { EmbedderStatus, LoadProgress } from "../src/index.ts";
import { clipTo, formatRemaining } from "./format.ts";
import { strings } from "./strings.ts";

interface RecoveryNoticeProps {
  readonly status: EmbedderStatus;
  readonly load: LoadProgress | null;
  /** The visitor does not want to wait for the GPU. */
  readonly onProcessor: () => void;
}

/** Shown in the states `recovering` and `gpu-blocked`. */
export function RecoveryNotice({ status, load, onProcessor }: RecoveryNoticeProps) {
  const { state, recovery } = status;
  const blocked = state === "gpu-blocked";
  return (
    <section class="card notice" data-testid="recovery" data-state={state}>
      {/* Alone: the countdown is not to be read out every second. */}
      <div role="status">
        <h2>{blocked ? strings.recovery.blocked : strings.recovery.recovering}</h2>
      </div>
      {recovery.lastLoss && <p class="small">{recovery.lastLoss}</p>}
      {blocked ? <Countdown retryAfterMs={recovery.retryAfterMs ?? 0} /> : <Reload load={load} />}
      <p>{strings.recovery.kept}</p>
      {blocked && (
        <button type="button" class="button" onClick={onProcessor} data-testid="use-processor">
          {strings.recovery.processor}
        </button>
      )}
    </section>
  );
}

/** @param retryAfterMs - As of the status that brought it; counts down from there. */
function Countdown({ retryAfterMs }: { retryAfterMs: number }) {
  const [endsAt, setEndsAt] = useState(() => performance.now() + retryAfterMs);
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => setEndsAt(performance.now() + retryAfterMs), [retryAfterMs]);
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <p>{strings.recovery.retryIn(formatRemaining(Math.max(0, endsAt - now)))}</p>;
}

function Reload({ load }: { load: LoadProgress | null }) {
  const share = load === null || load.totalBytes === 0 ? 0 : load.loadedBytes / load.totalBytes;
  return (
    <div class="core core-thin" aria-hidden="true">
      <div class="core-fill" style={{ clipPath: clipTo(share) }} />
    </div>
  );
}
