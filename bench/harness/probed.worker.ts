/** @file The worker that runs the model, with probes for its WebAssembly memory and its runs. */
import "./probe.ts";
import "../../workers/embed.worker.ts";
