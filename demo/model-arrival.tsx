/** @file The one model on its way: looked at, offered, downloading, there. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { PackOffer } from "../src/index.ts";
import { ConfirmButton } from "./confirm-button.tsx";
import { FailureText } from "./failure-card.tsx";
import { clipTo, formatBytes } from "./format.ts";
import { lostBytes } from "./model-state.ts";
import type { Arrival, ModelsState } from "./model-state.ts";
import { Needs, useAssessment, VerdictMark } from "./model-verdict.tsx";
import type { Models } from "./models.ts";
import { strings } from "./strings.ts";
import { TransferLines } from "./transfer-lines.tsx";

const text = strings.models;

interface ArrivalProps {
  readonly models: Models;
  readonly state: ModelsState;
  readonly arrival: Arrival;
}

/** A card with one bar; what changes of its heading is read out. */
export function ArrivalCard({ models, state, arrival }: ArrivalProps) {
  const { stage, offer } = arrival;
  const card = useRef<HTMLElement>(null);
  // On a phone the form that brought it is far below.
  useEffect(() => card.current?.scrollIntoView({ block: "nearest" }), []);
  return (
    <section ref={card} class="arrival" aria-label={text.arrival.heading} data-testid="arrival" data-stage={stage}>
      <div role="status">
        <h3>{headingOf(arrival, state)}</h3>
      </div>
      {stage === "offered" && offer && <Offer models={models} state={state} offer={offer} />}
      {stage === "offered" && !offer && <p>{text.arrival.unstored(state.storageMissing ?? "")}</p>}
      {(stage === "downloading" || stage === "paused") && <Bar arrival={arrival} bytes={bytesOf(arrival, state)} />}
      {stage === "paused" && <p class="small">{text.arrival.pausedNote}</p>}
      {stage === "failed" && <Failed models={models} state={state} arrival={arrival} />}
      {stage === "stored" && <p class="small">{text.arrival.storedNote}</p>}
      <div class="actions">
        <Actions models={models} state={state} arrival={arrival} />
      </div>
    </section>
  );
}

function headingOf({ stage, name, offer }: Arrival, { storageMissing }: ModelsState): string {
  if (stage !== "offered") return text.arrival[stage](name);
  if (storageMissing !== null) return text.arrival.offeredUnstored(name);
  return offer?.missingBytes === 0 ? text.arrival.offeredComplete(name) : text.arrival.offered(name);
}

function Offer({ models, state, offer }: { models: Models; state: ModelsState; offer: PackOffer }) {
  const { architecture, bits, missingBytes, totalBytes, revision } = offer;
  const assessment = useAssessment(
    models,
    state,
    useMemo(() => ({ architecture, bits, missingBytes }), [architecture, bits, missingBytes]),
  );
  return (
    <>
      <p>
        {missingBytes > 0 && text.arrival.missing(missingBytes, totalBytes)} <VerdictMark assessment={assessment} />
      </p>
      <p class="small">
        {text.shape(architecture.num_hidden_layers, architecture.hidden_size, bits)} · {text.arrival.revision(revision)}
      </p>
      <Needs assessment={assessment} sizeBytes={totalBytes} />
    </>
  );
}

interface Bytes {
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

/** A pause loses what was not verified yet. */
function bytesOf({ stage, progress, packId }: Arrival, { stored }: ModelsState): Bytes {
  const pack = stored?.find(({ id }) => id === packId);
  if (stage === "paused" && pack) return { loadedBytes: pack.storedBytes, totalBytes: pack.totalBytes };
  return progress ?? { loadedBytes: 0, totalBytes: 0 };
}

function Bar({ arrival, bytes: { loadedBytes, totalBytes } }: { arrival: Arrival; bytes: Bytes }) {
  const { progress, stage, name } = arrival;
  const share = totalBytes > 0 ? loadedBytes / totalBytes : 0;
  const phase = progress ? text.arrival.phase(progress.phase) : text.arrival.starting;
  const bytes = totalBytes > 0 ? text.arrival.bytes(loadedBytes, totalBytes) : "";
  return (
    <>
      <div
        class="core"
        role="progressbar"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={`${phase}, ${bytes}`}
      >
        <div class="core-fill" style={{ clipPath: clipTo(share) }} />
      </div>
      <p class="load-line">
        <span>{stage === "downloading" ? `${phase}…` : ""}</span>
        <span class="figures" data-testid="arrival-bytes">
          {bytes}
        </span>
      </p>
      {stage === "downloading" && progress && <TransferLines progress={progress} />}
    </>
  );
}

function Failed({ models, state, arrival }: ArrivalProps) {
  const { failure, room, denied, packId } = arrival;
  const removable = (state.stored ?? []).filter(({ id, inUse }) => !inUse && id !== packId);
  return (
    <div class="failure-text" role="alert" data-testid="arrival-error" data-code={failure?.code}>
      {failure && !room && <FailureText failure={failure} />}
      {denied && <p>{text.arrival.denied}</p>}
      {room && <p>{text.arrival.room(room.neededBytes, room.freeBytes)}</p>}
      {room && removable.length > 0 && (
        <>
          <p>{text.arrival.makeRoom}</p>
          <ul class="make-room">
            {removable.map(({ id, name, storedBytes }) => (
              <li key={id}>
                {name} <span class="figures">{formatBytes(storedBytes)}</span>{" "}
                <ConfirmButton
                  label={text.stored.remove}
                  bytes={storedBytes}
                  question={text.confirm.remove(storedBytes)}
                  testId="make-room"
                  onConfirm={() => void models.remove(id)}
                />
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

interface Action {
  readonly label: string;
  readonly testId: string;
  readonly onClick: () => unknown;
}

function Actions({ models, state, arrival }: ArrivalProps) {
  const { stage } = arrival;
  const main = mainAction({ models, state, arrival });
  const lost = lostBytes(state);
  const canLose = stage === "downloading" || stage === "paused" || (stage === "failed" && lost > 0);
  return (
    <>
      {main && (
        <button
          type="button"
          class={stage === "downloading" ? "button" : "button button-strong"}
          onClick={() => void main.onClick()}
          data-testid={main.testId}
        >
          {main.label}
        </button>
      )}
      {canLose ? (
        <ConfirmButton
          key={stage}
          label={text.arrival.cancel}
          bytes={lost}
          question={text.confirm.cancel(lost)}
          testId="arrival-cancel"
          onConfirm={() => void models.cancel()}
        />
      ) : (
        <button type="button" class="button" onClick={() => models.dismiss()} data-testid="arrival-close">
          {stage === "looking" ? text.arrival.cancel : text.arrival.close}
        </button>
      )}
    </>
  );
}

function mainAction({ models, state, arrival }: ArrivalProps): Action | null {
  const { stage, offer, packId, name, failure } = arrival;
  const use = { label: text.useIt, testId: "arrival-use", onClick: () => models.use({ id: packId ?? "", name }) };
  const download = (label: string): Action => ({ label, testId: "arrival-go", onClick: () => models.download() });
  // Before there is an offer, it was the looking that failed.
  const isUnseen = stage === "failed" && offer === null && packId === null;
  switch (stage) {
    case "offered":
      if (state.storageMissing !== null) {
        return { label: text.arrival.useUnstored, testId: "arrival-use", onClick: () => models.useSource() };
      }
      return offer?.missingBytes === 0 ? use : download(text.arrival.download);
    case "downloading":
      return { label: text.arrival.pause, testId: "arrival-pause", onClick: () => models.pause() };
    case "paused":
      return download(text.arrival.resume);
    case "failed":
      if (isUnseen && failure?.code === "invalid-input") return null;
      return isUnseen
        ? { label: text.arrival.retry, testId: "arrival-go", onClick: () => models.look(arrival) }
        : download(text.arrival.retry);
    case "stored":
      return use;
    case "looking":
      return null;
  }
}
