/** @file The stress model as a repository: two shards and an index, small files beside them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readHeaders } from "./safetensors.ts";
import { encodeHeader } from "./synthetic-model.ts";

const STRESS = fileURLToPath(new URL("../../fixtures/stress", import.meta.url));
export const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;

/** Name → content of every file. */
export function stressRepository(): Map<string, Buffer> {
  const path = join(STRESS, "model.safetensors");
  const model = readFileSync(path);
  const tensors = readHeaders([path]);
  const half = tensors.length / 2;
  const parts = [tensors.slice(0, half), tensors.slice(half)];
  const shards = parts.map((part) => {
    const bytes = part.map((tensor) => model.subarray(tensor.offset, tensor.offset + tensor.bytes));
    return Buffer.concat([encodeHeader(part), ...bytes]);
  });
  const weightMap = Object.fromEntries(parts.flatMap((part, i) => part.map(({ name }) => [name, SHARDS[i]!])));
  return new Map([
    ["config.json", readFileSync(join(STRESS, "config.json"))],
    ["README.md", Buffer.from("# the model's card")],
    [".gitattributes", Buffer.from("*.safetensors filter=lfs")],
    ["model.safetensors.index.json", Buffer.from(JSON.stringify({ weight_map: weightMap }))],
    ["unrelated.safetensors", Buffer.from("no index names this")],
    ...SHARDS.map((name, i): [string, Buffer] => [name, shards[i]!]),
  ]);
}
