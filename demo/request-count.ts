/** @file Counts the requests that go to the network from now on. */
import type { NetworkRequest } from "./offline-messages.ts";

/** `all`: of every tab of the page and of its threads. `page`: of this tab, without its threads. */
export type CountedRequests = "all" | "page";

/**
 * Counts for as long as the page lives. What the service worker itself fetches, to keep it or to see whether there is a
 * new version of the page, is not among the requests.
 *
 * @param counted - `all` only where a service worker has answered this page from the beginning.
 * @param onRequest - Called for each.
 */
export function countRequests(counted: CountedRequests, onRequest: () => void): void {
  if (counted === "all") {
    navigator.serviceWorker.addEventListener("message", ({ data }: MessageEvent<NetworkRequest>) => {
      if (data.type === "network-request") onRequest();
    });
    return;
  }
  const since = performance.now();
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      // Safari has no delivery type: there the answers of its cache are counted too.
      const { startTime, deliveryType } = entry as PerformanceResourceTiming & { readonly deliveryType?: string };
      if (startTime >= since && deliveryType !== "cache") onRequest();
    }
  }).observe({ type: "resource" });
}
