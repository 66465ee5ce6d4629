/** @file The worker that runs the model. */
import { openPipeline } from "../src/open-pipeline.ts";
import { serveEmbedder } from "../src/thread/serve.ts";

serveEmbedder(openPipeline);
