/** @file What went wrong, its code, what to do about it. */
import { PANEL_ID } from "./model-state.ts";
import type { SettingsProblem } from "./settings.ts";
import type { Failure } from "./state.ts";
import { strings } from "./strings.ts";

/** A failure of the model; `wasReady` when it worked before. */
export function FailureCard(props: { failure: Failure; wasReady: boolean; onRetry: () => void }) {
  const { failure } = props;
  const cancelled = failure.code === "aborted";
  const heading = props.wasReady ? strings.failure.stopped : strings.failure.heading;
  return (
    <section class="card failure" role="alert" data-testid="error" data-code={failure.code ?? ""}>
      <h2>{cancelled ? strings.failure.cancelled : heading}</h2>
      <FailureText failure={failure} />
      <button type="button" class="button button-strong" onClick={props.onRetry} data-testid="retry">
        {strings.failure.retry}
      </button>
      <a class="link" href={`#${PANEL_ID}`}>
        {strings.models.change}
      </a>
    </section>
  );
}

/** Message, remedy and code. */
export function FailureText({ failure }: { failure: Failure }) {
  const { code, message } = failure;
  return (
    <>
      {code !== "aborted" && <p class="failure-message">{message}</p>}
      {code && <p>{strings.failure.remedy(code)}</p>}
      {code && code !== "aborted" && (
        <p>
          <code class="code">{code}</code>
        </p>
      )}
    </>
  );
}

/** URL parameters that cannot be used; nothing is loaded until they are corrected. */
export function ProblemsCard({ problems }: { problems: readonly SettingsProblem[] }) {
  return (
    <section class="card failure" role="alert" data-testid="error" data-code="invalid-input">
      <h2>{strings.failure.parameters}</h2>
      <ul>
        {problems.map(({ parameter, value, allowed }) => (
          <li key={parameter}>{strings.failure.parameter(parameter, value, allowed)}</li>
        ))}
      </ul>
      <a class="button button-strong" href="?">
        {strings.failure.withoutParameters}
      </a>
    </section>
  );
}
