/** @file Entry of a worker thread. Plain JavaScript: Node 20 hands TypeScript to tsx in the main thread only. */
import { register } from "tsx/esm/api";

register();
await import("./serve-jobs.ts");
