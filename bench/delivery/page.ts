/** @file The page of `npm run bench:delivery`: downloads and loads, each in a worker of its own. */
import { openPackStore } from "../../src/pack-store.ts";
import type { LoadOrder } from "./load.worker.ts";
import type { PlainRequest, Took } from "./plain.worker.ts";

/** One download into the store, by phase. */
export interface StoreDownload {
  readonly id: string;
  readonly bytes: number;
  readonly downloadMs: number;
  readonly verifyMs: number;
}

/** What the benchmark calls from outside. */
export interface DeliveryPage {
  download(url: string): Promise<StoreDownload>;
  remove(id: string): Promise<void>;
  load(order: LoadOrder): Promise<Took>;
  plain(request: PlainRequest): Promise<Took>;
}

declare global {
  var delivery: DeliveryPage;
}

globalThis.delivery = {
  async download(url) {
    using store = openPackStore();
    const started = performance.now();
    let verifyAt = NaN;
    const pack = await store.download(
      { url: new URL(url, location.href).href },
      {
        onProgress: ({ phase }) => {
          if (phase === "verify" && Number.isNaN(verifyAt)) verifyAt = performance.now();
        },
      },
    );
    const ended = performance.now();
    return { id: pack.id, bytes: pack.totalBytes, downloadMs: verifyAt - started, verifyMs: ended - verifyAt };
  },
  async remove(id) {
    using store = openPackStore();
    await store.remove(id);
  },
  load: (order) => ask(new Worker(new URL("./load.worker.ts", import.meta.url), { type: "module" }), order),
  plain: (request) => ask(new Worker(new URL("./plain.worker.ts", import.meta.url), { type: "module" }), request),
};

/** A worker's only answer; the memory that it holds is not to be there at the next measurement. */
async function ask(worker: Worker, request: LoadOrder | PlainRequest): Promise<Took> {
  try {
    return await new Promise<Took>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Took>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.onmessageerror = () => reject(new Error("an answer that cannot be read"));
      worker.postMessage(request);
    });
  } finally {
    worker.terminate();
  }
}
