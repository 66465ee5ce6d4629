/** @file The ways into the library: files, a folder, a text, an address. */
import { useState } from "preact/hooks";
import { collectFiles, collectPaste } from "../import/collect.ts";
import type { Collected } from "../import/collect.ts";
import { IMPORT_EXTENSIONS } from "../import/formats.ts";
import { strings } from "../strings.ts";

const text = strings.panels.library;

interface SourceIntakeProps {
  /** Files are held over the page. */
  readonly dragging: boolean;
  readonly onCollected: (collected: Collected) => void;
}

/** Files and folders first; text and address open on demand. */
export function SourceIntake({ dragging, onCollected }: SourceIntakeProps) {
  const onFiles = (files: FileList): void => onCollected(collectFiles(files));
  return (
    <div class="drop" data-dragging={dragging}>
      <h3>{text.add}</h3>
      <p>{dragging ? text.dropNow : text.drop}</p>
      <div class="intake-buttons">
        <FileButton id="files" label={text.files} onFiles={onFiles} />
        <FileButton id="folder" label={text.folder} onFiles={onFiles} />
      </div>
      <details name="intake">
        <summary>{text.paste}</summary>
        <PasteForm onCollected={onCollected} />
      </details>
      <details name="intake">
        <summary>{text.url}</summary>
        <UrlForm onCollected={onCollected} />
      </details>
      <p class="small">{text.kinds}</p>
    </div>
  );
}

interface FileButtonProps {
  /** A folder's has another dialog. */
  readonly id: "files" | "folder";
  readonly label: string;
  readonly onFiles: (files: FileList) => void;
}

function FileButton({ id, label, onFiles }: FileButtonProps) {
  // Safari on phones has no folder dialog, and then it takes files.
  const kind = id === "folder" ? { webkitdirectory: true } : { accept: IMPORT_EXTENSIONS.join(",") };
  return (
    <span>
      <input
        type="file"
        id={id}
        class="visually-hidden"
        multiple
        {...kind}
        data-testid={id}
        onChange={(event) => {
          const input = event.currentTarget;
          if (input.files) onFiles(input.files);
          // So that the same file can be chosen again.
          input.value = "";
        }}
      />
      <label for={id} class="button">
        {label}
      </label>
    </span>
  );
}

function PasteForm({ onCollected }: Pick<SourceIntakeProps, "onCollected">) {
  const [title, setTitle] = useState("");
  const [pasted, setPasted] = useState("");
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    if (pasted.trim() === "") return;
    // As the same text would come from the clipboard; its first line is its title.
    const transfer = new DataTransfer();
    transfer.setData("text/plain", title.trim() === "" ? pasted : `${title.trim()}\n\n${pasted}`);
    onCollected(collectPaste(transfer));
    setTitle("");
    setPasted("");
  };
  return (
    <form class="intake-form" onSubmit={onSubmit} onKeyDown={keepEscape}>
      <label class="field">
        {text.pasteTitle}
        <input
          class="text-input"
          value={title}
          onInput={(event) => setTitle(event.currentTarget.value)}
          data-testid="paste-title"
        />
      </label>
      <label class="field">
        {text.pasteLabel}
        <textarea
          class="text-input"
          rows={5}
          value={pasted}
          onInput={(event) => setPasted(event.currentTarget.value)}
          data-testid="paste-text"
        />
      </label>
      <button class="button" data-testid="paste-add">
        {text.pasteAdd}
      </button>
    </form>
  );
}

function UrlForm({ onCollected }: Pick<SourceIntakeProps, "onCollected">) {
  const [url, setUrl] = useState("");
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    if (url.trim() === "") return;
    onCollected({ sources: [{ kind: "url", url: url.trim() }], refusals: [] });
    setUrl("");
  };
  return (
    <form class="intake-form" onSubmit={onSubmit} onKeyDown={keepEscape}>
      <label class="field">
        <span class="visually-hidden">{text.url}</span>
        <input
          // What is no address is refused with the others, with a reason.
          type="text"
          inputMode="url"
          class="text-input"
          placeholder={text.urlPlaceholder}
          value={url}
          onInput={(event) => setUrl(event.currentTarget.value)}
          data-testid="url"
        />
      </label>
      <p class="small">{text.urlNote}</p>
      <button class="button" data-testid="url-add">
        {text.urlAdd}
      </button>
    </form>
  );
}

/** Elsewhere Escape clears the search and takes the focus there. */
function keepEscape(event: KeyboardEvent): void {
  if (event.key === "Escape") event.stopPropagation();
}
