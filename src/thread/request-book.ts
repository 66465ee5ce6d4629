/** @file Requests that wait for an answer, whichever worker gives it. Each settles once. */
import { EmbedError, throwIfAborted } from "../errors.ts";
import type { WhenLost } from "../types.ts";
import type { EmbedClient } from "./client.ts";

/** A request, and how to ask a worker for it. */
export interface Request<R> {
  /** @param readmitted - Whether an earlier worker, now lost, had it already. */
  readonly send: (client: EmbedClient, readmitted: boolean) => Promise<R>;
  readonly whenLost: WhenLost;
  readonly signal: AbortSignal | undefined;
}

interface Entry extends Request<unknown> {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Stops listening to the signal. */
  readonly forget: () => void;
  /** The client that was asked last. */
  sentTo: EmbedClient | null;
  /** Clients that were lost while they had it. */
  losses: number;
}

/** What may be to blame for so many losses is sent alone, so that the next one clears the others. */
const SUSPECT_LOSSES = 2;

/** The last of these happened with nothing else under way: the request is to blame, or has no luck at all. */
const MAX_LOSSES = 3;

/** Open requests in the order in which they were made. */
export class RequestBook {
  readonly #open = new Set<Entry>();
  /** Sent before all others, one at a time, with nothing else under way. */
  readonly #suspects = new Set<Entry>();
  readonly #onServed: () => void;
  #client: EmbedClient | null = null;
  /** Why there is no client. */
  #loss: EmbedError | null = null;
  /** Why there will not be one. */
  #end: EmbedError | null = null;

  /** @param onServed - A request is settled: a worker has answered it, or it is found to be what workers die of. */
  constructor(onServed: () => void) {
    this.#onServed = onServed;
  }

  /**
   * @returns The answer of the first worker that lives long enough to give it.
   * @throws {EmbedError} `aborted` at once; with `whenLost: "fail"`, or `details.losses` times over, what ended the
   * worker; what `close` was given.
   */
  take<R>(request: Request<R>): Promise<R> {
    const { signal, whenLost } = request;
    return new Promise<R>((resolve, reject) => {
      throwIfAborted(signal);
      if (this.#end !== null) throw this.#end;
      if (this.#loss !== null && whenLost === "fail") throw this.#loss;
      const onAbort = (): void => {
        const error = new EmbedError("aborted", "cancelled by the caller", { cause: signal?.reason });
        this.#settle(entry, () => entry.reject(error));
      };
      const entry: Entry = {
        ...request,
        resolve: (answer) => resolve(answer as R),
        reject,
        forget: () => signal?.removeEventListener("abort", onAbort),
        sentTo: null,
        losses: 0,
      };
      signal?.addEventListener("abort", onAbort);
      this.#open.add(entry);
      if (this.#client !== null && this.#suspects.size === 0) this.#send(entry, this.#client);
    });
  }

  /** Sends all open requests to a new client, oldest first; what may be to blame for losses goes before them, alone. */
  resume(client: EmbedClient): void {
    this.#client = client;
    this.#loss = null;
    this.#end = null;
    this.#advance();
  }

  /** `suspend`, and counts the loss against the requests that the client had. */
  lose(loss: EmbedError): void {
    const client = this.#client;
    this.suspend(loss);
    for (const entry of [...this.#open]) {
      if (client === null || entry.sentTo !== client) continue;
      entry.losses++;
      if (entry.losses >= SUSPECT_LOSSES) this.#suspects.add(entry);
      if (entry.losses < MAX_LOSSES) continue;
      if (this.#settle(entry, () => entry.reject(blamed(loss, entry.losses)))) this.#onServed();
    }
  }

  /** Keeps the open requests until there is a new client, but for those that would rather fail. */
  suspend(loss: EmbedError): void {
    this.#client = null;
    this.#loss = loss;
    this.#end = null;
    for (const entry of [...this.#open]) {
      if (entry.whenLost === "fail") this.#settle(entry, () => entry.reject(loss));
    }
  }

  /** Rejects all open requests and later ones, until `suspend` or `resume`. */
  close(error: EmbedError): void {
    this.#client = null;
    this.#end = error;
    for (const entry of [...this.#open]) this.#settle(entry, () => entry.reject(error));
  }

  #advance(): void {
    const client = this.#client;
    if (client === null) return;
    const [suspect] = this.#suspects;
    const next = suspect === undefined ? [...this.#open] : [suspect];
    for (const entry of next) if (entry.sentTo !== client) this.#send(entry, client);
  }

  #send(entry: Entry, client: EmbedClient): void {
    const readmitted = entry.sentTo !== null;
    entry.sentTo = client;
    const settle = (answer: () => void): void => {
      // Its worker is gone, with it or before it: `suspend` and `resume` decide.
      if (client.loss !== null) return;
      if (this.#settle(entry, answer)) this.#onServed();
    };
    entry.send(client, readmitted).then(
      (answer) => settle(() => entry.resolve(answer)),
      (error: unknown) => settle(() => entry.reject(error)),
    );
  }

  /** @returns Whether it was still open. */
  #settle(entry: Entry, answer: () => void): boolean {
    if (!this.#open.delete(entry)) return false;
    entry.forget();
    answer();
    if (this.#suspects.delete(entry)) this.#advance();
    return true;
  }
}

function blamed(loss: EmbedError, losses: number): EmbedError {
  const message = `lost ${losses} workers in a row with this request, at last alone: ${loss.message}`;
  return new EmbedError(loss.code, message, { details: { ...loss.details, losses }, cause: loss });
}
