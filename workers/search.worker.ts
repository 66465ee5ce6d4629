/** @file The worker that keeps and searches an index. */
import { openEngine } from "../src/search/open-engine.ts";
import { serveSearch } from "../src/thread/search-serve.ts";

serveSearch(openEngine);
