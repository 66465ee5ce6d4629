/** @file The worker that downloads packs and keeps them. */
import { createPackStore } from "../src/model/pack-store.ts";
import { serveStore } from "../src/thread/store-serve.ts";

serveStore(createPackStore);
