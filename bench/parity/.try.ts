import { openNodeEmbedder } from "/work/main/bench/node/node-embedder.ts";
const t0 = performance.now();
const e = await openNodeEmbedder({ packDir: "public/models/nano-q4", activations: "f16" });
console.log(JSON.stringify(e.status.device), JSON.stringify(e.status.selfChecks), performance.now() - t0);
const ids = Array.from({ length: 10 }, (_, i) =>
  Int32Array.from({ length: 30 }, (_, j) => (i * 997 + j * 31) % 150000),
);
const t = performance.now();
await e.embedIds(ids);
console.log("300 tokens", performance.now() - t);
const t2 = performance.now();
await e.embedIds(ids, { chunkTokens: 16 });
console.log("300 tokens sliced", performance.now() - t2);
e.close();
process.exit(0);
