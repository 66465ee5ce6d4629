/** @file The packs in the browser's storage: how large, in what state, and what can be done with each. */
import { useRef } from "preact/hooks";
import type { StoredPack } from "../src/index.ts";
import { ConfirmButton } from "./confirm-button.tsx";
import { FailureText } from "./failure-card.tsx";
import { originName, sourceOfOrigin } from "./model-source.ts";
import type { ModelsState, PackTask } from "./model-state.ts";
import type { Models } from "./models.ts";
import { strings } from "./strings.ts";

const text = strings.models;

interface StoredProps {
  readonly models: Models;
  readonly state: ModelsState;
  /** `StoredPack.id` of the model that the page runs. */
  readonly usedId: string | null;
}

/** A list, newest first. */
export function StoredPacks({ models, state, usedId }: StoredProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { stored, storageMissing, arrival, tasks } = state;
  // What is on its way has a card of its own.
  const packs = (stored ?? []).filter(({ id, state: how }) => id !== arrival?.packId || how === "complete");
  const onRemove = (id: string): void => {
    // The button that has the focus goes.
    heading.current?.focus();
    void models.remove(id);
  };
  return (
    <section class="stored" aria-labelledby="stored-heading" data-testid="stored">
      <h3 id="stored-heading" ref={heading} tabIndex={-1}>
        {text.stored.heading}
      </h3>
      {storageMissing !== null && <p class="small">{text.stored.missing(storageMissing)}</p>}
      {storageMissing === null && stored !== null && packs.length === 0 && <p class="small">{text.stored.none}</p>}
      <ul class="stored-list">
        {packs.map((pack) => (
          <li key={pack.id} data-testid="stored-pack" data-state={pack.state}>
            <PackText pack={pack} />
            <PackActions
              pack={pack}
              task={tasks[pack.id]}
              isUsed={pack.id === usedId}
              models={models}
              onRemove={() => onRemove(pack.id)}
            />
            <div role="status">
              <TaskLine task={tasks[pack.id]} pack={pack} onRepair={() => void models.resume(pack)} />
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function PackText({ pack }: { pack: StoredPack }) {
  const { name, origin, lastUsedAt, inUse } = pack;
  const from = originName(origin);
  const used = lastUsedAt === null ? text.stored.neverUsed : text.stored.lastUsed(lastUsedAt);
  return (
    <div>
      <p class="stored-name">{name}</p>
      <p class="small">
        {text.stored.size(pack)} · {inUse ? text.stored.busy : used}
        {from !== "" && ` · ${text.stored.from(from)}`}
      </p>
    </div>
  );
}

interface PackActionsProps {
  readonly pack: StoredPack;
  readonly task: PackTask | undefined;
  readonly isUsed: boolean;
  readonly models: Models;
  readonly onRemove: () => void;
}

function PackActions({ pack, task, isUsed, models, onRemove }: PackActionsProps) {
  const { id, name, state, storedBytes, origin } = pack;
  const busy = task?.kind === "verifying" || task?.kind === "removing";
  return (
    <div class="actions" role="group" aria-label={text.stored.actions(name)}>
      {isUsed && <span class="in-use">{text.inUse}</span>}
      {!isUsed && state === "complete" && (
        <button type="button" class="button" disabled={busy} onClick={() => void models.use(pack)} data-testid="use">
          {text.use}
        </button>
      )}
      {state === "complete" && (
        <button
          type="button"
          class="button"
          disabled={busy}
          onClick={() => void models.verify(id)}
          data-testid="verify"
        >
          {text.stored.verify}
        </button>
      )}
      {state === "incomplete" && sourceOfOrigin(origin) && (
        <button
          type="button"
          class="button"
          disabled={busy}
          onClick={() => void models.resume(pack)}
          data-testid="resume"
        >
          {text.stored.resume}
        </button>
      )}
      {!isUsed && (
        <ConfirmButton
          label={text.stored.remove}
          bytes={storedBytes}
          question={text.confirm.remove(storedBytes)}
          disabled={busy}
          testId="remove"
          onConfirm={onRemove}
        />
      )}
      {state === "incomplete" && !sourceOfOrigin(origin) && <span class="small">{text.stored.needsFolder}</span>}
    </div>
  );
}

function TaskLine(props: { task: PackTask | undefined; pack: StoredPack; onRepair: () => void }) {
  const { task, pack, onRepair } = props;
  switch (task?.kind) {
    case undefined:
      return null;
    case "verifying":
      return <p class="small">{text.stored.verifying(task.progress?.loadedBytes ?? 0, pack.totalBytes)}</p>;
    case "removing":
      return <p class="small">{text.stored.removing}…</p>;
    case "failed":
      return <FailureText failure={task.failure} />;
    case "verified":
      if (task.damaged.length === 0) return <p class="small">{text.stored.verified(task.checkedBytes)}</p>;
      return (
        <p class="small damaged">
          {text.stored.damaged(task.damaged)}{" "}
          {sourceOfOrigin(pack.origin) ? (
            <button type="button" class="button" onClick={onRepair} data-testid="repair">
              {text.stored.repair}
            </button>
          ) : (
            text.stored.needsFolder
          )}
        </p>
      );
  }
}
