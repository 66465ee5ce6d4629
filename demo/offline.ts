/** @file The page without a network: whether it is kept for that, what it still asks the network for, new versions. */
import { Workbox } from "workbox-window";
import { countRequests } from "./request-count.ts";
import type { CountedRequests } from "./request-count.ts";
import type { PageState } from "./state.ts";
import { createStore } from "./store.ts";
import type { Store } from "./store.ts";

const SERVICE_WORKER = "./service-worker.js";

export interface OfflineState {
  readonly online: boolean;
  /** Whether all that the page needs is kept by this browser. */
  readonly saved: "not-saved" | "saving" | "saved";
  /** That went to the network since the model was loaded; `null` before. */
  readonly requests: number | null;
  readonly counted: CountedRequests;
  /** A new version of the page waits for the visitor's word. */
  readonly update: boolean;
}

/** Registers the service worker, follows it and the network. */
export class Offline {
  readonly store: Store<OfflineState>;
  #registration: ServiceWorkerRegistration | null = null;
  #workbox: Workbox | null = null;
  #reload = false;

  constructor() {
    this.store = createStore<OfflineState>({
      online: navigator.onLine,
      saved: "not-saved",
      requests: null,
      counted: isControlled() ? "all" : "page",
      update: false,
    });
  }

  /** @param page - Its model's files go first: what else is to be kept is fetched when the model is there. */
  start(page: Store<PageState>): void {
    const onNetwork = (): void => this.store.update({ online: navigator.onLine });
    addEventListener("online", onNetwork);
    addEventListener("offline", onNetwork);
    // Here all is kept already, and a version that cannot load a model can still be replaced.
    if (isControlled()) void this.#register();
    const stop = page.subscribe(() => {
      if (page.get().status === null) return;
      stop();
      this.#count();
      if (this.#workbox === null) void this.#register();
    });
  }

  /** Puts the new version in place of this one. */
  takeUpdate(): void {
    this.#reload = true;
    // None waits when another tab has taken it.
    if (this.#registration?.waiting) this.#workbox?.messageSkipWaiting();
    else location.reload();
  }

  /** Goes on with this version; the next visit asks again. */
  dismissUpdate(): void {
    this.store.update({ update: false });
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
    workbox.addEventListener("waiting", () => this.store.update({ update: true }));
    workbox.addEventListener("controlling", () => {
      if (this.#reload) location.reload();
      else if (replaced) this.store.update({ update: true });
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
