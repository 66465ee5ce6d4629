/** @file A worker's requests through a function of the page: both ends, over a message port. */
import { expose, transfer, wrap, type Remote } from "comlink";

/**
 * A function like `window.fetch`: it is given an absolute URL and plain options (`headers` as an object, so that they
 * can be spread), and is to honour `signal`. Requests have no body.
 */
export type PageFetch = (url: string, init: RequestInit) => Promise<Response>;

/** The page's end. */
export interface FetchBridge {
  /** To be sent to the worker. */
  readonly port: MessagePort;
  /** Calls off what is under way, which a worker that is gone no longer can. */
  close(): void;
}

type PlainInit = Readonly<Pick<Request, "method" | "cache" | "credentials" | "redirect">> & {
  readonly headers: Readonly<Record<string, string>>;
};

/** What of a response is known before its body. */
interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly [string, string][];
  readonly url: string;
  readonly redirected: boolean;
  readonly hasBody: boolean;
}

/** What the page offers, over comlink; `callId` names a request. */
interface FetchService {
  fetch(callId: number, url: string, init: PlainInit): Promise<ResponseHead>;
  /** The next bytes of the body; `null` at its end. */
  read(callId: number): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Nothing happens when the request is done. */
  cancel(callId: number): void;
}

/**
 * Bytes of a body that are fetched ahead: each read is a round trip between two threads, and the worker is busy for
 * milliseconds at a time when it hashes and writes.
 */
const READ_AHEAD_BYTES = 2 ** 20;

/** @param fetch - Called for each request of the worker that the port is sent to. */
export function openFetchBridge(fetch: PageFetch): FetchBridge {
  const { port1, port2 } = new MessageChannel();
  const requests = new PageRequests(fetch);
  expose(requests, port1);
  const close = (): void => {
    requests.cancelAll();
    port1.close();
  };
  return { port: port2, close };
}

/**
 * The worker's end, as its own `fetch` would behave: resolves with a `Response` whose body comes as it is read, rejects
 * with the signal's reason or with what the page's function rejected with (an `Error` of that name and message).
 *
 * Bodies go through a port chunk by chunk: Safari cannot transfer streams, and where browsers can they copy each chunk.
 * `url` and `redirected` of the response are those of the page's, but a `clone()` of it has none.
 */
export function bridgedFetch(port: MessagePort): typeof fetch {
  const page = wrap<FetchService>(port);
  let callCount = 0;
  return async (input, init) => {
    const request = new Request(input, init);
    const signal = init?.signal ?? request.signal;
    signal.throwIfAborted();
    const callId = ++callCount;
    let onAbort = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => {
        reject(signal.reason as Error);
        void page.cancel(callId);
      };
    });
    signal.addEventListener("abort", onAbort);
    try {
      const head = await Promise.race([page.fetch(callId, request.url, plain(request)), aborted]);
      signal.throwIfAborted();
      return responseOf(head, head.hasBody ? bodyOf(page, callId, signal) : null);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  };
}

class PageRequests implements FetchService {
  readonly #fetch: PageFetch;
  readonly #open = new Map<number, AbortController>();
  readonly #bodies = new Map<number, ReadableStreamDefaultReader<Uint8Array>>();

  constructor(fetch: PageFetch) {
    this.#fetch = fetch;
  }

  async fetch(callId: number, url: string, init: PlainInit): Promise<ResponseHead> {
    const controller = new AbortController();
    const { signal } = controller;
    this.#open.set(callId, controller);
    try {
      // Not as a method: `window.fetch` works on no object but its own.
      const fetch = this.#fetch;
      const response = await fetch(url, { ...init, signal });
      const { status, statusText, redirected, body } = response;
      // A function that does not honour the signal has opened a body that nobody wants.
      if (signal.aborted) await body?.cancel();
      signal.throwIfAborted();
      if (body === null) this.#open.delete(callId);
      else this.#bodies.set(callId, body.getReader());
      const headers = [...response.headers];
      return { status, statusText, headers, url: response.url, redirected, hasBody: body !== null };
    } catch (error) {
      this.#open.delete(callId);
      throw error;
    }
  }

  async read(callId: number): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      for (;;) {
        const { value } = (await this.#bodies.get(callId)?.read()) ?? {};
        if (value === undefined) {
          this.#forget(callId);
          return null;
        }
        // Nothing to a reader, but an error to the stream of bytes at the other end.
        if (value.byteLength === 0) continue;
        // A chunk may be a view into a larger buffer, or belong to whoever made the stream.
        const bytes = value.slice();
        return transfer(bytes, [bytes.buffer]);
      }
    } catch (error) {
      this.#forget(callId);
      throw error;
    }
  }

  cancel(callId: number): void {
    this.#open.get(callId)?.abort();
    // What a body says to being called off helps nobody.
    this.#bodies
      .get(callId)
      ?.cancel()
      .catch(() => {});
    this.#forget(callId);
  }

  cancelAll(): void {
    for (const callId of this.#open.keys()) this.cancel(callId);
  }

  #forget(callId: number): void {
    this.#open.delete(callId);
    this.#bodies.delete(callId);
  }
}

function plain({ method, headers, cache, credentials, redirect }: Request): PlainInit {
  return { method, headers: Object.fromEntries(headers), cache, credentials, redirect };
}

/** Of type "bytes", as the body of a real response is where readers may bring their own memory. */
function bodyOf(
  page: Remote<FetchService>,
  callId: number,
  signal: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let onAbort = (): void => {};
  const done = (): void => signal.removeEventListener("abort", onAbort);
  const failed = (error: unknown): never => {
    done();
    throw error;
  };
  return new ReadableStream(
    {
      type: "bytes",
      start(controller) {
        onAbort = () => {
          controller.error(signal.reason);
          void page.cancel(callId);
        };
        signal.addEventListener("abort", onAbort, { once: true });
      },
      async pull(controller) {
        const chunk = await page.read(callId).catch(failed);
        if (signal.aborted) return;
        if (chunk !== null) {
          controller.enqueue(chunk);
          return;
        }
        done();
        controller.close();
        controller.byobRequest?.respond(0);
      },
      cancel() {
        done();
        void page.cancel(callId);
      },
    },
    { highWaterMark: READ_AHEAD_BYTES },
  );
}

function responseOf(head: ResponseHead, body: ReadableStream<Uint8Array<ArrayBuffer>> | null): Response {
  const { status, statusText, headers, url, redirected } = head;
  const response = new Response(body, { status, statusText, headers: headers as [string, string][] });
  // A constructor sets neither, and relative links are resolved by the first.
  return Object.defineProperties(response, { url: { value: url }, redirected: { value: redirected } });
}
