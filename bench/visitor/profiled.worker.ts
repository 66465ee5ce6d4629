/** @file Strata's own worker, its dispatches timed. */
import "../profile/worker-timer.ts";
import "../../workers/embed.worker.ts";
