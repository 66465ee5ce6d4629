/**
 * @file The service worker: answers from what it has kept of the page, and tells the page about every request that
 * goes to the network instead.
 */
import { PrecacheController } from "workbox-precaching";
import type { NetworkRequest, SkipWaiting } from "./offline-messages.ts";
import { isNeeded, keptUrl } from "./precache.ts";

declare const self: ServiceWorkerGlobalScope;

const jspi = "Suspending" in WebAssembly;

const precache = new PrecacheController({
  plugins: [
    {
      // Workbox would fetch whatever has no hash in its name anew. The page has just loaded most of it, 28 MB: asking
      // the server whether that still holds brings the same, mostly without the bytes.
      requestWillFetch: async ({ request }) =>
        request.cache === "reload" ? new Request(request, { cache: "no-cache" }) : request,
    },
  ],
});
precache.precache(
  self.__WB_MANIFEST.filter((entry) => isNeeded(typeof entry === "string" ? entry : entry.url, { jspi })),
);

// The first visit's page gets what it still loads, such as a thread in place of a crashed one, from here too.
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = keptUrl(request);
  // Who asks for a "reload" has found fault with what is kept.
  const kept = request.method === "GET" && request.cache !== "reload" && precache.getCacheKeyForURL(url) !== undefined;
  if (kept) event.respondWith(answer(event, url));
  // Without an answer from here the browser sends the request itself, as if there were no service worker.
  else event.waitUntil(report(request));
});

self.addEventListener("message", ({ data }: { readonly data: SkipWaiting }) => {
  if (data.type === "SKIP_WAITING") void self.skipWaiting();
});

async function answer(event: FetchEvent, url: string): Promise<Response> {
  const response = await precache.matchPrecache(url);
  if (response) return response;
  // The browser has cleared it away.
  event.waitUntil(report(event.request));
  return fetch(event.request);
}

/** To all tabs: a request of a thread does not say whose thread it is. They count, as this worker is often ended. */
async function report({ url }: Request): Promise<void> {
  const message: NetworkRequest = { type: "network-request", url };
  for (const page of await self.clients.matchAll({ type: "window" })) page.postMessage(message);
}
