/** @file Proof that the page needs no network, and the offer of a new version. */
import type { Offline, OfflineState } from "./offline.ts";
import { useStore } from "./store.ts";
import { strings } from "./strings.ts";

/** One line: network, what is kept, requests; a notice when there is a new version. */
export function OfflineIndicator({ offline }: { offline: Offline }) {
  const state = useStore(offline.store);
  const { online, saved, requests, counted } = state;
  return (
    <div class="offline">
      <ul class="offline-facts" data-testid="offline" data-online={online} data-saved={saved} data-counted={counted}>
        <li class="offline-network">{online ? strings.offline.online : strings.offline.offline}</li>
        <li>{strings.offline.saved[saved]}</li>
        <li title={strings.offline.counted[counted]} data-testid="requests" data-requests={requests ?? undefined}>
          {strings.offline.requests(requests)}
          {counted === "page" && <span class="small"> {note(saved)}</span>}
        </li>
      </ul>
      {/* Always there, so that what comes into it is read out. */}
      <div role="status">
        {state.update !== "none" && <UpdateNotice offline={offline} taken={state.update === "taken"} />}
      </div>
    </div>
  );
}

function note(saved: OfflineState["saved"]): string {
  return saved === "not-saved" ? strings.offline.threadsUncounted : strings.offline.threadsNextVisit;
}

function UpdateNotice({ offline, taken }: { offline: Offline; taken: boolean }) {
  return (
    <div class="card update" data-testid="update">
      <p>{taken ? strings.offline.updating : strings.offline.update}</p>
      {!taken && (
        <>
          <button type="button" class="button button-strong" onClick={() => void offline.takeUpdate()}>
            {strings.offline.reload}
          </button>
          <button type="button" class="button" onClick={() => offline.dismissUpdate()}>
            {strings.offline.later}
          </button>
        </>
      )}
    </div>
  );
}
