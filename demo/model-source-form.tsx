/** @file Asks where a pack is: a hub id or URL, or a folder. */
import { useState } from "preact/hooks";
import { canPickFolder, folderOfFiles, parseSource, pickFolder } from "./model-source.ts";
import type { NamedSource, SourceFields } from "./model-source.ts";
import { strings } from "./strings.ts";

const text = strings.models;
const EMPTY: SourceFields = { address: "", endpoint: "", token: "", path: "" };

interface SourceFormProps {
  /** Sets its fields apart from those of other forms. */
  readonly id: string;
  readonly onSource: (source: NamedSource) => void;
}

/** Nothing is fetched before it is sent, and then the manifest only. */
export function SourceForm({ id, onSource }: SourceFormProps) {
  const [fields, setFields] = useState(EMPTY);
  const [isWrong, setWrong] = useState(false);
  const set = (change: Partial<SourceFields>): void => {
    setFields({ ...fields, ...change });
    setWrong(false);
  };
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    const source = parseSource(fields);
    setWrong(source === null);
    if (source) onSource(source);
  };
  return (
    <form class="source-form" onSubmit={onSubmit} noValidate>
      <Field
        id={`address-${id}`}
        label={text.address}
        hint={isWrong ? text.addressWrong : text.addressHint}
        invalid={isWrong}
        value={fields.address}
        onValue={(address) => set({ address })}
      />
      <details class="more">
        <summary>{text.more}</summary>
        <Field id={`path-${id}`} label={text.path} value={fields.path} onValue={(path) => set({ path })} />
        <Field
          id={`endpoint-${id}`}
          label={text.endpoint}
          hint={text.endpointHint}
          value={fields.endpoint}
          onValue={(endpoint) => set({ endpoint })}
        />
        <Field
          id={`token-${id}`}
          isSecret
          label={text.token}
          hint={text.tokenHint}
          value={fields.token}
          onValue={(token) => set({ token })}
        />
      </details>
      <button type="submit" class="button button-strong">
        {text.look}
      </button>
      <FolderInput id={id} onSource={onSource} />
    </form>
  );
}

interface FieldProps {
  readonly id: string;
  readonly label: string;
  readonly hint?: string;
  readonly isSecret?: boolean;
  readonly invalid?: boolean;
  readonly value: string;
  readonly onValue: (value: string) => void;
}

function Field({ id, label, hint, isSecret = false, invalid = false, value, onValue }: FieldProps) {
  const attributes = {
    id,
    class: "text-input",
    autocomplete: "off",
    spellcheck: false,
    value,
    "aria-invalid": invalid,
    "aria-describedby": hint ? `${id}-hint` : undefined,
    onInput: (event: { readonly currentTarget: HTMLInputElement }) => onValue(event.currentTarget.value),
  } as const;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {isSecret ? <input type="password" {...attributes} /> : <input type="text" {...attributes} />}
      {hint && (
        <p id={`${id}-hint`} class="small" data-invalid={invalid} role={invalid ? "alert" : undefined}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** The browser's folder picker where there is one: its folder can be read again, an input's files as long as the page lives. */
function FolderInput({ id, onSource }: SourceFormProps) {
  const take = (source: NamedSource | null): void => {
    if (source) onSource(source);
  };
  return (
    <p class="folder">
      <span class="small">{text.folderOr}</span>{" "}
      {canPickFolder() ? (
        <button type="button" class="button" onClick={() => void pickFolder().then(take)}>
          {text.folder}
        </button>
      ) : (
        <>
          <input
            type="file"
            id={`folder-${id}`}
            class="visually-hidden"
            // Preact knows it as a property only.
            ref={(input) => {
              if (input) input.webkitdirectory = true;
            }}
            onChange={(event) => take(folderOfFiles([...(event.currentTarget.files ?? [])]))}
          />
          <label for={`folder-${id}`} class="link">
            {text.folder}
          </label>
        </>
      )}{" "}
      <span class="small">{text.dropHint}</span>
    </p>
  );
}
