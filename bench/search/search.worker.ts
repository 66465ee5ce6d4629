/** @file The bench's worker: where an index searches too. */
import { measureScans } from "./measure.ts";
import type { ScanOrder } from "./search-result.ts";

onmessage = ({ data }: MessageEvent<ScanOrder>) => void measureScans(data).then(postMessage, reportError);
