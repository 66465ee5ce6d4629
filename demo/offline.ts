/** @file The page without a network: whether it is kept for that, what it still asks the network for, new versions. */
import { Workbox } from "workbox-window";
import { countRequests } from "./request-count.ts";
import type { CountedRequests } from "./request-count.ts";
import { untilAtRest } from "./state.ts";
import type { PageState } from "./state.ts";
import { createStore } from "./store.ts";
import type { Store } from "./store.ts";

const SERVICE_WORKER = "./service-worker.js";
/** How long a page that loads can put a new version off, when the visitor has asked for it. */
const PUT_OFF_MS = 5000;

export interface OfflineState {
  readonly online: boolean;
  /** Whether all that the page needs is kept by this browser. */
  readonly saved: "not-saved" | "saving" | "saved";
  /** That went to the network since the model was loaded; `null` before. */
  readonly requests: number | null;
  readonly counted: CountedRequests;
  /** A new version of the page waits for the visitor's word, or has it. */
  readonly update: "none" | "waiting" | "taken";
}

/** Registers the service worker, follows it and the network. */
export class Offline {
  readonly store: Store<OfflineState>;
  readonly #page: Store<PageState>;
  #registration: ServiceWorkerRegistration | null = null;
  #workbox: Workbox | null = null;

  /** @param page - Its model's files go first: what else is to be kept is fetched when the model is there. */
  constructor(page: Store<PageState>) {
    this.#page = page;
    this.store = createStore<OfflineState>({
      online: navigator.onLine,
      saved: "not-saved",
      requests: null,
      counted: isControlled() ? "all" : "page",
      update: "none",
    });
  }

  start(): void {
    const onNetwork = (): void => this.store.update({ online: navigator.onLine });
    addEventListener("online", onNetwork);
    addEventListener("offline", onNetwork);
    // Here all is kept already, and a version that cannot load a model can still be replaced.
    if (isControlled()) void this.#register();
    const stop = this.#page.subscribe(() => {
      if (this.#page.get().status === null) return;
      stop();
      this.#count();
      if (this.#workbox === null) void this.#register();
    });
  }

  /**
   * Puts the new version in place of this one, once the page has what it needs. A service worker that is told to go
   * amid requests is at times started again by the next one, and then stays for half a minute (Chromium 156).
   */
  async takeUpdate(): Promise<void> {
    this.store.update({ update: "taken" });
    await untilAtRest(this.#page, PUT_OFF_MS);
    // None waits when another tab has taken it.
    if (this.#registration?.waiting) this.#workbox?.messageSkipWaiting();
    else location.reload();
  }

  /** Goes on with this version; the next visit asks again. */
  dismissUpdate(): void {
    this.store.update({ update: "none" });
  }

  #count(): void {
    this.store.update({ requests: 0 });
    countRequests(this.store.get().counted, () =>
      this.store.update({ requests: (this.store.get().requests ?? 0) + 1 }),
    );
  }

  /** Where that is refused, over plain http or in a private window, the page works all the same. */
  async #register(): Promise<void> {
    if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
    const replaced = isControlled();
    const workbox = new Workbox(SERVICE_WORKER);
    this.#workbox = workbox;
    const show = (): void => this.store.update({ saved: savedBy(this.#registration) });
    for (const event of ["installed", "activated", "redundant"] as const) workbox.addEventListener(event, show);
    workbox.addEventListener("waiting", () => this.store.update({ update: "waiting" }));
    workbox.addEventListener("controlling", () => {
      if (this.store.get().update === "taken") location.reload();
      else if (replaced) this.store.update({ update: "waiting" });
    });
    this.#registration = await workbox.register({ immediate: true }).then(
      (registration) => registration ?? null,
      () => null,
    );
    show();
  }
}

function isControlled(): boolean {
  return "serviceWorker" in navigator && navigator.serviceWorker.controller !== null;
}

function savedBy(registration: ServiceWorkerRegistration | null): OfflineState["saved"] {
  if (registration?.active) return "saved";
  return registration?.installing || registration?.waiting ? "saving" : "not-saved";
}
