/** @file A button that asks once more when much would be lost. */
import { useEffect, useRef, useState } from "preact/hooks";
import { strings } from "./strings.ts";

/** So much is fetched again in a minute on most lines: no reason to ask. */
export const ASK_ABOVE_BYTES = 50 * 1024 * 1024;

interface ConfirmButtonProps {
  readonly label: string;
  /** Bytes that it deletes. */
  readonly bytes: number;
  readonly question: string;
  readonly disabled?: boolean;
  readonly testId: string;
  readonly onConfirm: () => void;
}

/** Asks in its own place; Keep has the focus then, and Escape means it. */
export function ConfirmButton(props: ConfirmButtonProps) {
  const [isAsking, setAsking] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isAsking) keep.current?.focus();
  }, [isAsking]);
  const onClick = (): void => {
    if (props.bytes > ASK_ABOVE_BYTES) setAsking(true);
    else props.onConfirm();
  };
  if (!isAsking) {
    return (
      <button type="button" class="button" disabled={props.disabled} onClick={onClick} data-testid={props.testId}>
        {props.label}
      </button>
    );
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") setAsking(false);
  };
  return (
    <span class="confirm" role="group" aria-label={props.question} onKeyDown={onKeyDown}>
      <span>{props.question}</span>
      <button type="button" class="button button-danger" onClick={props.onConfirm} data-testid={`${props.testId}-yes`}>
        {strings.models.confirm.yes}
      </button>
      <button type="button" class="button" ref={keep} onClick={() => setAsking(false)}>
        {strings.models.confirm.no}
      </button>
    </span>
  );
}
