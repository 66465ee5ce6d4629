/** @file Strata's own worker, its GPU watched. */
import "./gpu-probe.ts";
import "../../workers/embed.worker.ts";
