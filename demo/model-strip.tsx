/** @file One line about the model, from the first byte on: how far it is loaded, then what it is. Never changes its height. */
import type { EmbedderStatus } from "../src/index.ts";
import { clipTo } from "./format.ts";
import { PANEL_ID } from "./model-state.ts";
import type { PageState } from "./state.ts";
import { strings } from "./strings.ts";
import { TransferLines } from "./transfer-lines.tsx";

interface ModelStripProps extends Pick<PageState, "status" | "load" | "failure"> {
  readonly onCancel: () => void;
}

/** Until a model is loaded a progress bar, then its name. */
export function ModelStrip({ status, load, failure, onCancel }: ModelStripProps) {
  return (
    <section class="strip" aria-label={strings.model.label}>
      {failure !== null && <p class="strip-line strip-what">{strings.model.missing}</p>}
      {failure === null && status === null && <Loading load={load} onCancel={onCancel} />}
      {failure === null && status !== null && <Loaded status={status} />}
    </section>
  );
}

function Loading({ load, onCancel }: Omit<ModelStripProps, "status" | "failure">) {
  const share = load && load.totalBytes > 0 ? load.loadedBytes / load.totalBytes : 0;
  const sentence = load ? strings.load.sentence(load.phase) : strings.load.starting;
  const bytes = load && load.totalBytes > 0 ? strings.load.bytes(load.loadedBytes, load.totalBytes) : "";
  return (
    <div class="strip-line" data-testid="load" data-phase={load?.phase}>
      <span class="strip-what" id="load-heading">
        {strings.load.heading}
      </span>
      <div
        class="core core-thin"
        role="progressbar"
        aria-labelledby="load-heading"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={`${sentence}, ${bytes}`}
      >
        <div class="core-fill" style={{ clipPath: clipTo(share) }} />
      </div>
      <span class="strip-now figures">
        {sentence} <span data-testid="load-bytes">{bytes}</span>
      </span>
      <button type="button" class="hit-action" onClick={onCancel} data-testid="cancel">
        {strings.load.cancel}
      </button>
      {load?.download && <TransferLines progress={load.download} />}
    </div>
  );
}

function Loaded({ status: { model, device } }: { status: EmbedderStatus }) {
  const where = device.kind === "webgpu" ? strings.model.gpu : strings.model.processor;
  return (
    <div class="strip-line" data-testid="loaded">
      <span class="strip-what strip-ready">{strings.model.ready}</span>
      <span class="figures">
        {strings.model.facts({ name: model.name, where, dimensions: model.hiddenSize, bits: model.bits })}
      </span>
      <a class="link small" href={`#${PANEL_ID}`}>
        {strings.models.change}
      </a>
    </div>
  );
}
