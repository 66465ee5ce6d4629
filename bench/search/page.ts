/** @file The page of `npm run bench:search`: each order in a worker of its own. */
import type { ScanMeasurement, ScanOrder } from "./search-result.ts";

/** What the benchmark calls from outside. */
export interface SearchPage {
  measure(order: ScanOrder): Promise<ScanMeasurement[]>;
}

declare global {
  var searchBench: SearchPage;
}

globalThis.searchBench = {
  async measure(order) {
    const worker = new Worker(new URL("./search.worker.ts", import.meta.url), { type: "module" });
    try {
      return await new Promise<ScanMeasurement[]>((resolve, reject) => {
        worker.onmessage = ({ data }: MessageEvent<ScanMeasurement[]>) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
        worker.onmessageerror = () => reject(new Error("an answer that cannot be read"));
        worker.postMessage(order);
      });
    } finally {
      // Its memory is not to be there at the next order.
      worker.terminate();
    }
  },
};
