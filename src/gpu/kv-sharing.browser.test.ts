import { afterEach, describe, expect, it, vi } from "vitest";
import { compare, openPack, packUrl, randomIds, realGpu } from "../fixtures/browser-packs.ts";
import type { Pass, Slice } from "../types.ts";
import { chooseExecution, openEngine } from "./engine.ts";
import { loadRuntime, type Tensors } from "./session.ts";
import { GpuTensorHome, emptyKv, type KvCache } from "./tensor-home.ts";

afterEach(() => vi.restoreAllMocks());

/** Software WebGPU does some 200 tokens of the stress model a second. */
const [TOKENS, CHUNK] = realGpu ? [32_768, 512] : [1024, 128];

/** KV as it is without sharing: each run writes past and new tokens into buffers of its own. */
function copyingKv(empty: KvCache): KvCache {
  let { feeds } = empty;
  const free = (): void => {
    // ONNX Runtime made them, so it takes them back.
    if (feeds !== empty.feeds) Object.values(feeds).forEach((tensor) => tensor.dispose());
    feeds = empty.feeds;
  };
  const update = ({ present_k, present_v }: Tensors): void => {
    free();
    feeds = { past_k: present_k!, past_v: present_v! };
  };
  const fetches = { present_k: null, present_v: null };
  return {
    get feeds() {
      return feeds;
    },
    fetches,
    reset: free,
    // A rehearsal then runs without a past.
    assume: () => undefined,
    update,
    release: free,
  };
}

async function embedLong(): Promise<{ row: Float32Array; ms: number; peakBytes: number }> {
  const pack = await openPack(packUrl("stress-q16"));
  const choice = await chooseExecution({ device: "webgpu", activations: "f32" }, navigator.gpu, []);
  const engine = await openEngine(pack, choice);
  const slices: Slice[] = [];
  for (let start = 0; start < TOKENS; start += CHUNK) slices.push({ sequence: 0, start, length: CHUNK });
  const chunks = slices.map((slice) => ({ slices: [slice], tokenCount: slice.length, sliced: true }));
  const pass: Pass = { chunks, tokenCount: TOKENS };
  const inputIds = Int32Array.from(randomIds(TOKENS, 1));
  const exclusive = <T>(run: () => Promise<T>): Promise<T> => run();
  // Makes the RoPE tables and compiles the pipelines, so that neither is counted.
  await engine.stack.rehearse({ chunks: [chunks[0]!, chunks.at(-1)!], tokenCount: 2 * CHUNK }, { exclusive });
  engine.trim();
  engine.gauge.resetPeak();
  const { liveBytes } = engine.gauge;
  const started = performance.now();
  const rows = await engine.stack.runPass(pass, { inputIds: () => inputIds, exclusive });
  const ms = performance.now() - started;
  const { peakBytes } = engine.gauge;
  engine.release();
  return { row: rows.get(0)!, ms, peakBytes: peakBytes - liveBytes };
}

describe("KV of a sliced sequence", () => {
  it("takes less memory in one buffer that is past and present than when each run copies what came before", async () => {
    const shared = await embedLong();
    const runtime = await loadRuntime("webgpu");
    const { architecture } = (await openPack(packUrl("stress-q16"))).manifest;
    vi.spyOn(GpuTensorHome.prototype, "keepKv").mockImplementation(function (this: GpuTensorHome) {
      return copyingKv(emptyKv(this, architecture, runtime));
    });
    const copied = await embedLong();
    const { maxAbsDiff } = compare([shared.row], [copied.row]);
    const numbers = { shared: [shared.ms, shared.peakBytes], copied: [copied.ms, copied.peakBytes], maxAbsDiff };
    console.log(`${TOKENS} tokens in runs of ${CHUNK}, [ms, bytes above weights]: ${JSON.stringify(numbers)}`);
    // Hidden states before the final norm reach 15.
    expect(maxAbsDiff).toBeLessThanOrEqual(5e-5);
    expect(shared.peakBytes).toBeLessThan(copied.peakBytes);
  });
});
