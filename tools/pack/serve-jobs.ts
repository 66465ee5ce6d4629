/** @file A worker thread of the pack command: one job at a time. */
import { parentPort } from "node:worker_threads";
import { EmbedError } from "../../src/errors.ts";
import { type Job, runJob } from "./jobs.ts";
import { wrapSystemError } from "./system-errors.ts";

parentPort?.on("message", (job: Job) => {
  try {
    parentPort?.postMessage({ result: runJob(job) });
  } catch (caught) {
    const error = wrapSystemError(caught);
    const { code, details } = error instanceof EmbedError ? error : { code: null, details: {} };
    parentPort?.postMessage({
      error: { code, details, message: error instanceof Error ? error.message : String(error) },
    });
  }
});
