import { afterEach, describe, expect, it } from "vitest";
import { EmbedError } from "../errors.ts";
import { openPack, packUrl, randomIds } from "../fixtures/browser-packs.ts";
import type { PackReader } from "../pack.ts";
import type { Pass } from "../types.ts";
import { BufferPool } from "./buffer-pool.ts";
import { chooseExecution, openEngine, type Engine } from "./engine.ts";
import { attachGauge } from "./gauge.ts";
import { loadRuntime } from "./session.ts";
import { GpuTensorHome } from "./tensor-home.ts";
import { placedLayerBytes } from "./layer-files.ts";
import { openWeights, type WeightStore } from "./weights.ts";

const engines: Engine[] = [];
afterEach(() => engines.splice(0).forEach((engine) => engine.release()));

async function open(device: "wasm" | "webgpu", pack: PackReader, residentLayers?: number): Promise<Engine> {
  const choice = await chooseExecution({ device, activations: "f32" }, navigator.gpu, []);
  const engine = await openEngine(pack, choice, residentLayers === undefined ? {} : { residentLayers });
  engines.push(engine);
  return engine;
}

const inputIds = Int32Array.from(randomIds(6, 3));
const chunk = { slices: [{ sequence: 0, start: 0, length: 6 }], sliced: false, tokenCount: 6 };
const pass: Pass = { chunks: [chunk, chunk], tokenCount: 12 };

async function run({ stack }: Engine): Promise<Float32Array> {
  const rows = await stack.runPass(pass, { inputIds: () => inputIds, exclusive: (task) => task() });
  return rows.get(0)!;
}

describe.each(["wasm", "webgpu"] as const)("weights on %s", (device) => {
  it.each(["stress-q4", "stress-q16"])("give %s the same bits resident and streamed", async (name) => {
    const pack = await openPack(packUrl(name));
    const expected = await run(await open(device, pack));
    expect(expected.some((value) => value !== 0)).toBe(true);
    for (const residentLayers of [0, 1, 2]) {
      const engine = await open(device, pack, residentLayers);
      const { weights } = engine;
      expect(weights).toMatchObject({ residentLayers, refused: false });
      const live = (residentLayers + weights.slots) * weights.layerBytes;
      for (let repeat = 0; repeat < 2; repeat++) {
        expect(await run(engine)).toEqual(expected);
        if (device === "webgpu") expect(engine.gauge.live.weights).toBe(live);
      }
      expect(weights.uploads.layers > 0).toBe(residentLayers === 0);
    }
  });

  it("give the same bits while layers leave the GPU and come back", async () => {
    const engine = await open(device, await openPack(packUrl("stress-q4")));
    const { weights } = engine;
    const expected = await run(engine);
    for (const kept of [0, 2, 1, 3, 0, 3]) {
      weights.keep(kept);
      expect(weights.residentLayers).toBeLessThanOrEqual(kept);
      for (let repeat = 0; repeat < 2; repeat++) expect(await run(engine)).toEqual(expected);
      expect(weights).toMatchObject({ residentLayers: kept, refused: false });
      if (device === "wasm") continue;
      expect(engine.gauge.live.weights).toBe((kept + weights.slots) * weights.layerBytes);
    }
  });
});

describe("weights on a GPU that refuses buffers", () => {
  async function openRefusing() {
    const adapter = await navigator.gpu.requestAdapter();
    const device = await adapter!.requestDevice();
    const createBuffer = device.createBuffer.bind(device);
    let asked = 0;
    const none: (asked: number) => boolean = () => false;
    const gpu = { refuses: none, reset: () => (asked = 0) };
    device.createBuffer = (descriptor) => {
      // More than the device allows is what a test can make the browser refuse in the error scope.
      return createBuffer(gpu.refuses(++asked) ? { ...descriptor, size: 2 ** 40 } : descriptor);
    };
    const gauge = attachGauge(device);
    const uncaptured: string[] = [];
    device.onuncapturederror = ({ error }) => void uncaptured.push(error.message);
    const pack = await openPack(packUrl("stress-q4"));
    const shape = { activations: "f32", architecture: pack.manifest.architecture } as const;
    const runtime = await loadRuntime("webgpu");
    const home = new GpuTensorHome({ device, pool: new BufferPool(device, 0) }, runtime, shape);
    const load = (residentLayers: number): Promise<WeightStore | EmbedError> =>
      openWeights(pack, home, { residentLayers }).catch((error: EmbedError) => error);
    return { device, gpu, gauge, uncaptured, pack, load };
  }

  it("work with fewer residents, or are out-of-memory, whichever buffer it is; nothing stays allocated", async () => {
    const { device, gpu, gauge, uncaptured, pack, load } = await openRefusing();
    const tensors = pack.manifest.tensors.filter(({ name }) => name.startsWith("layers.")).length;
    const layerBytes = placedLayerBytes(pack.manifest, "f32");
    for (const residentLayers of [0, 1, 3]) {
      for (let k = 1; k <= tensors; k += 2) {
        gpu.reset();
        // Each buffer is asked for twice before its layer is given up.
        gpu.refuses = (asked) => asked === k || asked === k + 1;
        const weights = await load(residentLayers);
        if (weights instanceof EmbedError) {
          expect(weights.code).toBe("out-of-memory");
        } else {
          for (const layer of [0, 1, 2, 0]) expect(Object.keys(await weights.layer(layer))).toHaveLength(tensors / 3);
          expect(gauge.liveBytes).toBeLessThanOrEqual(3 * layerBytes);
          weights.release();
        }
        expect(gauge.liveBytes).toBe(0);
      }
    }
    gpu.refuses = (asked) => asked > 20;
    gpu.reset();
    expect(await load(3)).toMatchObject({ code: "out-of-memory" });
    expect(gauge.liveBytes).toBe(0);
    expect(uncaptured).toEqual([]);
    device.destroy();
  });
});
