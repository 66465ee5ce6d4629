/** @file One test's part of the fault server: what goes wrong there, and what was asked and sent. */
import type { IncomingHttpHeaders } from "node:http";

/** What goes wrong. `at` is a byte of the file, or a fraction of it when below 1. */
export type FaultKind =
  /** The connection is destroyed after that byte; `clean`: a body without length just ends there. */
  | { readonly kind: "cut"; readonly at: number; readonly clean?: boolean }
  /** Nothing more comes after that byte; without `at`, not even headers. */
  | { readonly kind: "stall"; readonly at?: number }
  | { readonly kind: "ignore-range" }
  /** 206 under another `Content-Range`, with the bytes from `start` on. @default start 0 */
  | { readonly kind: "wrong-range"; readonly start?: number }
  /** The file as the server has it lacks bytes at its end, or has more. */
  | { readonly kind: "short" | "long"; readonly bytes: number }
  | { readonly kind: "flip"; readonly at: number }
  | { readonly kind: "etag"; readonly etag: string }
  | { readonly kind: "status"; readonly status: number; readonly retryAfter?: string }
  | { readonly kind: "redirect"; readonly to: "same-origin" | "other-origin" | "loop" }
  | { readonly kind: "html" }
  | { readonly kind: "throttle"; readonly bytesPerSecond: number }
  /** Held after that byte until the lane's gates open. */
  | { readonly kind: "gate"; readonly at: number };

/**
 * A fault of one file (`*`: of any). A request gets all the faults that are for `"always"`, and the first of the others
 * that is not used up and whose byte it reaches.
 */
export type Fault = FaultKind & {
  readonly file: string;
  /** Requests that get it. @default 1 */
  readonly times?: number | "always";
  /** Requests that come through before. @default 0 */
  readonly skip?: number;
};

export interface LoggedRequest {
  readonly method: string;
  /** As it came, encoded. */
  readonly path: string;
  readonly origin: string;
  readonly file: string;
  /** The `Range` header. */
  readonly range: string | null;
  readonly headers: IncomingHttpHeaders;
  /** 0 as long as there was no answer. */
  status: number;
  /** Of the file, that the body begins with. */
  start: number;
  /** Bytes of the body handed to the system. */
  bytesSent: number;
  /** The connection ended before the answer did, by a fault or by the client. */
  cut: boolean;
  done: boolean;
}

/** What a request asks for, as far as it decides on faults. */
export interface Asked {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly bytes: number;
}

export class Lane {
  readonly faults: { readonly fault: Fault; seen: number }[] = [];
  readonly log: LoggedRequest[] = [];
  #gatesOpen = false;
  readonly #waiting: (() => void)[] = [];
  readonly #watching: (() => void)[] = [];

  /** Takes the faults of one request. */
  take(asked: Asked): Fault[] {
    const taken: Fault[] = [];
    let single = false;
    for (const entry of this.faults) {
      const { fault } = entry;
      const always = fault.times === "always";
      if ((fault.file !== "*" && fault.file !== asked.file) || !reaches(fault, asked) || (single && !always)) continue;
      const { skip = 0 } = fault;
      if (!always && entry.seen >= skip + ((fault.times as number | undefined) ?? 1)) continue;
      if (entry.seen++ < skip) continue;
      taken.push(fault);
      single ||= !always;
    }
    return taken;
  }

  /** Holds a request until the gates open or it is gone. */
  async hold(gone: Promise<void>): Promise<void> {
    if (this.#gatesOpen) return;
    const opened = new Promise<void>((open) => this.#waiting.push(open));
    for (const watcher of this.#watching.splice(0)) watcher();
    await Promise.race([opened, gone]);
  }

  held(): Promise<void> {
    return this.#waiting.length > 0 ? Promise.resolve() : new Promise((seen) => this.#watching.push(seen));
  }

  openGates(): void {
    this.#gatesOpen = true;
    for (const open of this.#waiting.splice(0)) open();
  }
}

/** In bytes. */
export function position(at: number, bytes: number): number {
  return at > 0 && at < 1 ? Math.floor(at * bytes) : at;
}

function reaches(fault: Fault, { start, end, bytes }: Asked): boolean {
  if (!("at" in fault) || fault.at === undefined) return true;
  const at = position(fault.at, bytes);
  return at >= start && at < end;
}
