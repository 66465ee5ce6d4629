/** @file The keys that work on the page. */
import { Dialog } from "./dialog.tsx";
import { strings } from "./strings.ts";

const text = strings.keys;

/** A list of keys and what they do. */
export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog labelledBy="keys-heading" testId="keys" onClose={onClose}>
      <div class="dialog-head">
        <h2 id="keys-heading">{text.heading}</h2>
        <button type="button" class="button" onClick={onClose}>
          {text.close}
        </button>
      </div>
      <dl class="key-list">
        {text.list.map(([key, use]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{use}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
