/** @file What the service worker and the page tell each other. Types only. */

/** To the page: a request of some tab of it, or of a thread of one, has been passed on to the network. */
export interface NetworkRequest {
  readonly type: "network-request";
  readonly url: string;
}

/** To a service worker that waits: the visitor wants the new version. The name is workbox-window's. */
export interface SkipWaiting {
  readonly type: "SKIP_WAITING";
}
