/** @file The model panel: what runs on this device, what is stored, and the way to another model. */
import { useEffect, useState } from "preact/hooks";
import { CATALOGUE } from "./catalogue.ts";
import { ArrivalCard } from "./model-arrival.tsx";
import { ModelCard } from "./model-card.tsx";
import { ThisDevice } from "./model-device.tsx";
import { droppedFolder } from "./model-source.ts";
import { CONTEXTS, PANEL_ID } from "./model-state.ts";
import { StoredPacks } from "./model-stored.tsx";
import type { Models } from "./models.ts";
import type { PageState } from "./state.ts";
import { useStore } from "./store.ts";
import { strings } from "./strings.ts";

const text = strings.models;

interface ModelPanelProps extends Pick<PageState, "choice" | "status"> {
  readonly models: Models;
}

/** A section of the page; takes a pack's folder that is dropped on it. */
export function ModelPanel({ models, choice, status }: ModelPanelProps) {
  const state = useStore(models.store);
  const drop = useFolderDrop(models);
  useRefresh(models);
  const usedId = status?.storage.packId ?? (choice.kind === "stored" ? choice.id : null);
  return (
    <section
      id={PANEL_ID}
      class="card panel models"
      aria-labelledby="models-heading"
      data-takes-folders
      data-testid="models"
      data-dragging={drop.dragging}
      {...drop.handlers}
      onKeyDown={keepEscape}
    >
      <div class="models-head">
        <div>
          <h2 id="models-heading">{text.heading}</h2>
          <p class="small">{drop.dragging ? text.dropNow : text.lead}</p>
        </div>
        <ContextSelect models={models} contextTokens={state.contextTokens} />
      </div>
      <div class="models-main">
        <div role="status">{drop.refused && <p>{text.noFolder}</p>}</div>
        {state.arrival && <ArrivalCard models={models} state={state} arrival={state.arrival} />}
        <ul class="catalogue">
          {CATALOGUE.map((entry) => (
            <ModelCard
              key={entry.id}
              entry={entry}
              models={models}
              state={state}
              builtInUsed={choice.kind === "built-in"}
            />
          ))}
        </ul>
        <StoredPacks models={models} state={state} usedId={usedId} />
      </div>
      <ThisDevice {...state} />
    </section>
  );
}

/** Elsewhere Escape clears the search and takes the focus there. */
function keepEscape(event: KeyboardEvent): void {
  if (event.key === "Escape") event.stopPropagation();
}

function ContextSelect({ models, contextTokens }: { models: Models; contextTokens: number }) {
  return (
    <label class="context">
      <span class="small">{text.context}</span>
      <select
        class="select"
        data-testid="context"
        onChange={(event) => models.setContext(Number(event.currentTarget.value))}
      >
        {CONTEXTS.map((tokens) => (
          <option key={tokens} value={tokens} selected={tokens === contextTokens}>
            {text.tokens(tokens)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Another tab may have stored or removed something meanwhile. */
function useRefresh(models: Models): void {
  useEffect(() => {
    const onVisible = (): void => {
      if (document.visibilityState === "visible") void models.refresh();
    };
    document.addEventListener("visibilitychange", onVisible);
    return () => document.removeEventListener("visibilitychange", onVisible);
  }, [models]);
}

function useFolderDrop(models: Models) {
  const [dragging, setDragging] = useState(false);
  const [refused, setRefused] = useState(false);
  const onDragOver = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    setDragging(true);
  };
  const onDragLeave = (event: DragEvent): void => {
    const panel = event.currentTarget as Element;
    if (!panel.contains(event.relatedTarget as Node | null)) setDragging(false);
  };
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    setDragging(false);
    if (!event.dataTransfer) return;
    void droppedFolder(event.dataTransfer.items).then((folder) => {
      setRefused(folder === null);
      if (folder) void models.look(folder);
    });
  };
  return { dragging, refused, handlers: { onDragOver, onDragLeave, onDrop } };
}
