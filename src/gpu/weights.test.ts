import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EmbedError } from "../errors.ts";
import { makeTinyPack } from "../model/fixtures/tiny-pack.ts";
import { widenFloat16 } from "../float16.ts";
import { layerOf, MemoryPack } from "./fixtures/memory-pack.ts";
import { MeteredHome } from "./fixtures/metered-home.ts";
import { loadRuntime, type Tensors } from "./session.ts";
import { placedLayerBytes } from "./layer-files.ts";
import { openWeights, streamSlots, type WeightStore } from "./weights.ts";

const runtime = await loadRuntime("wasm");

/** Lets all that is ready happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function makeParts(layers: number) {
  const pack = new MemoryPack(makeTinyPack(4).manifest, layers);
  return { pack, home: new MeteredHome(runtime, pack.manifest.architecture) };
}

async function openParts(layers: number, residentLayers?: number) {
  const parts = makeParts(layers);
  const weights = await openWeights(parts.pack, parts.home, residentLayers === undefined ? {} : { residentLayers });
  return { ...parts, weights };
}

function expectLayer(pack: MemoryPack, layer: number, actual: Tensors): void {
  const expected = pack.tensorsOf(layer);
  expect(Object.keys(actual)).toHaveLength(expected.length);
  for (const tensor of expected) {
    const stored = pack.stored(tensor);
    const data = tensor.dtype === "uint8" ? stored : widenFloat16(new Uint16Array(stored.buffer));
    const held = actual[tensor.name.replace(`layers.${layer}.`, "")]!.data as Uint8Array | Float32Array;
    expect(Buffer.compare(bytesOf(held), bytesOf(data)), tensor.name).toBe(0);
  }
}

const bytesOf = (data: Uint8Array | Float32Array): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

async function runPass(pack: MemoryPack, weights: WeightStore): Promise<void> {
  for (let layer = 0; layer < weights.layers; layer++) expectLayer(pack, layer, await weights.layer(layer));
}

describe("placedLayerBytes", () => {
  it("is what one layer takes where the layers run in f32 and less in f16", async () => {
    const { home, weights, pack } = await openParts(2);
    expect(home.liveBytes).toBe(2 * weights.layerBytes);
    const bytes = (dtype: string) =>
      pack.tensorsOf(0).reduce((sum, tensor) => sum + (tensor.dtype === dtype ? tensor.bytes : 0), 0);
    expect(weights.layerBytes).toBe(bytes("uint8") + 2 * bytes("float16"));
    expect(placedLayerBytes(pack.manifest, "f16")).toBe(bytes("uint8") + bytes("float16"));
  });
});

describe("openWeights", () => {
  it("spreads resident layers evenly, the first layer among them", async () => {
    const { pack, home, weights } = await openParts(36, 12);
    expect(pack.filesRead.map(layerOf)).toEqual(Array.from({ length: 12 }, (_, i) => 3 * i));
    expect(new Set(pack.filesOpened).size).toBe(24);
    expect(pack.filesOpened).toHaveLength(24);
    expect(weights).toMatchObject({ layers: 36, residentLayers: 12, slots: 2, refused: false });
    expect(home.liveBytes).toBe(14 * weights.layerBytes);
  });

  it("keeps all layers by default and needs no slots", async () => {
    const { pack, home, weights } = await openParts(3);
    expect(weights).toMatchObject({ residentLayers: 3, slots: 0 });
    expect(home.liveBytes).toBe(3 * weights.layerBytes);
    expect(pack.filesOpened).toEqual([]);
    await runPass(pack, weights);
    expect(weights.uploads).toEqual({ layers: 0, bytes: 0 });
  });

  it.each([0, 1, 4, 7, 8])("hands out the pack's weights with %i of 8 layers resident, pass after pass", async (n) => {
    const { pack, home, weights } = await openParts(8, n);
    const placed = n + streamSlots(8, n);
    expect(home.liveBytes).toBe(placed * weights.layerBytes);
    for (let pass = 0; pass < 3; pass++) await runPass(pack, weights);
    expect(home.liveBytes).toBe(placed * weights.layerBytes);
    expect(pack.mostRangesAtOnce).toBeLessThanOrEqual(1);
    const streamed = placed === 8 ? 0 : 8 - n;
    // The load left the first two streamed layers in the slots.
    const uploads = Math.max(0, 3 * streamed - 2);
    expect(weights.uploads).toEqual({ layers: uploads, bytes: uploads * weights.layerBytes });
    weights.release();
    expect(home.liveBytes).toBe(0);
  });

  it("reports each file's bytes once, as they arrive", async () => {
    const { pack, home } = makeParts(6);
    let bytes = 0;
    const weights = await openWeights(pack, home, { residentLayers: 2, onBytes: (more) => (bytes += more) });
    expect(bytes).toBe(6 * pack.layerFileBytes);
    await runPass(pack, weights);
    expect(bytes).toBe(6 * pack.layerFileBytes);
  });

  it("rejects with aborted when cancelled at any file or tensor, and keeps nothing", async () => {
    for (let at = 1; at < 40; at++) {
      const { pack, home } = makeParts(4);
      const controller = new AbortController();
      let steps = 0;
      const step = (): Promise<void> => {
        if (++steps === at) controller.abort();
        return Promise.resolve();
      };
      pack.beforeOpen = step;
      pack.beforeRange = step;
      const opening = openWeights(pack, home, { residentLayers: 1, signal: controller.signal });
      const error: unknown = await opening.then(
        (weights) => weights.release(),
        (reason: unknown) => reason,
      );
      if (steps >= at) expect(error).toMatchObject({ code: "aborted" });
      expect(home.liveBytes).toBe(0);
    }
  });
});

describe("a streamed layer", () => {
  it("is read while the one before it is in use, and never beyond the pass's end", async () => {
    const { pack, weights } = await openParts(6, 3);
    await weights.layer(1);
    pack.ranges.length = 0;
    await weights.layer(2);
    await settle();
    expect(pack.ranges).toEqual([]);
    await weights.layer(3);
    await settle();
    expect(new Set(pack.ranges)).toEqual(new Set([5]));
    const { length } = pack.ranges;
    await weights.layer(5);
    await settle();
    expect(pack.ranges).toHaveLength(length);
  });

  it("leaves what is in use as it is until the next call", async () => {
    const { pack, weights } = await openParts(6, 0);
    for (const index of [0, 1, 5, 2, 2, 0, 3]) {
      const tensors = await weights.layer(index);
      await settle();
      expectLayer(pack, index, tensors);
    }
  });

  it("whose read-ahead fails is read again when it is needed", async () => {
    const { pack, weights } = await openParts(5, 0);
    pack.beforeRange = () => Promise.reject(new EmbedError("model-fetch-failed", "the copy is gone"));
    expectLayer(pack, 1, await weights.layer(1));
    await settle();
    pack.beforeRange = () => Promise.resolve();
    expectLayer(pack, 2, await weights.layer(2));
  });

  it("rejects who waits for it with the reader's error, and works again after", async () => {
    const { pack, home, weights } = await openParts(5, 2);
    let left = 2;
    pack.beforeRange = () =>
      left-- > 0 ? Promise.reject(new EmbedError("model-fetch-failed", "the copy is gone")) : Promise.resolve();
    await expect(weights.layer(4)).rejects.toMatchObject({ code: "model-fetch-failed" });
    await expect(weights.layer(4)).rejects.toMatchObject({ code: "model-fetch-failed" });
    await runPass(pack, weights);
    expect(home.liveBytes).toBe(4 * weights.layerBytes);
  });

  it("rejects who waits for it with disposed when the weights are released", async () => {
    const { home, weights } = await openParts(5, 0);
    const waiting = weights.layer(4);
    await new Promise((resolve) => setImmediate(resolve));
    const { asked } = home;
    weights.release();
    await expect(waiting).rejects.toMatchObject({ code: "disposed" });
    await expect(weights.layer(0)).rejects.toMatchObject({ code: "disposed" });
    await settle();
    expect(home.asked).toBe(asked);
    expect(home.liveBytes).toBe(0);
  });

  it("leaves nothing behind when the weights are released while a buffer is being allocated", async () => {
    const { home, weights } = await openParts(5);
    weights.keep(0);
    home.allocated = () => weights.release();
    await expect(weights.layer(4)).rejects.toMatchObject({ code: "disposed" });
    await settle();
    expect(home.liveBytes).toBe(0);
  });
});

describe("a store beside another one of the same pack", () => {
  it("fetches the files of its layers when it comes to them, but those that the other one has open", async () => {
    const { pack, home, weights: main } = await openParts(9, 6);
    const own = pack.filesOpened.splice(0).map(layerOf);
    expect(own).toEqual([1, 4, 7]);
    const weights = await openWeights(pack, home, { residentLayers: 0, files: main.files });
    // Those of the two slots; the other store has layer 1.
    expect(pack.filesOpened.map(layerOf)).toEqual([0]);
    expect(home.liveBytes).toBe((6 + 2 + 2) * weights.layerBytes);
    for (const layer of [4, 5]) await weights.fetch(layer);
    expect(pack.filesOpened.map(layerOf)).toEqual([0, 5]);
    for (let pass = 0; pass < 2; pass++) await runPass(pack, weights);
    expect(pack.filesOpened.map(layerOf).sort()).toEqual([0, 2, 3, 5, 6, 8]);
    weights.release();
    await runPass(pack, main);
    expect(home.liveBytes).toBe((6 + 2) * main.layerBytes);
  });
});

describe("fetch", () => {
  it("opens the files of a layer that is not resident", async () => {
    const { pack, weights } = await openParts(6);
    weights.keep(2);
    for (const layer of [0, 1, 1]) await weights.fetch(layer);
    expect(pack.filesOpened.map(layerOf)).toEqual([1]);
  });

  it("stops waiting when its signal fires, and leaves the fetch to the next who needs it", async () => {
    const { pack, weights } = await openParts(6);
    weights.keep(0);
    let arrive = (): void => undefined;
    pack.beforeOpen = () => new Promise((resolve) => (arrive = resolve));
    const controller = new AbortController();
    const fetching = weights.fetch(3, controller.signal);
    controller.abort();
    await expect(fetching).rejects.toMatchObject({ code: "aborted" });
    await expect(weights.fetch(3, controller.signal)).rejects.toMatchObject({ code: "aborted" });
    const next = weights.fetch(3);
    arrive();
    await next;
    expect(pack.filesOpened.map(layerOf)).toEqual([3]);
  });
});

describe("keep", () => {
  it("gives surplus layers back at once and streams them from then on", async () => {
    const { pack, home, weights } = await openParts(9);
    await runPass(pack, weights);
    weights.keep(3);
    expect(home.liveBytes).toBe(3 * weights.layerBytes);
    expect(weights).toMatchObject({ residentLayers: 3, slots: 2 });
    expect(pack.filesOpened).toEqual([]);
    await runPass(pack, weights);
    expect(home.liveBytes).toBe(5 * weights.layerBytes);
    expect(pack.filesOpened.map(layerOf)).toEqual([1, 2, 4, 5, 7, 8]);
    weights.keep(0);
    expect(home.liveBytes).toBe(2 * weights.layerBytes);
    await runPass(pack, weights);
  });

  it("keeps layers as they come by, and frees the slots when none is streamed", async () => {
    const { pack, home, weights } = await openParts(9, 1);
    weights.keep(4);
    await runPass(pack, weights);
    expect(weights).toMatchObject({ residentLayers: 4, slots: 2 });
    expect(home.liveBytes).toBe(6 * weights.layerBytes);
    weights.keep(9);
    await runPass(pack, weights);
    expect(weights).toMatchObject({ residentLayers: 9, slots: 0, refused: false });
    expect(home.liveBytes).toBe(9 * weights.layerBytes);
    const { layers } = weights.uploads;
    await runPass(pack, weights);
    expect(weights.uploads.layers).toBe(layers);
  });

  it("leaves a layer that has become surplus alone while it is in use", async () => {
    const { pack, weights } = await openParts(9, 2);
    expect(pack.filesRead.map(layerOf)).toEqual([0, 5]);
    weights.keep(3);
    const tensors = await weights.layer(5);
    // Layer 6 is one of three evenly spread ones: it could be read into the place of layer 5, which is none.
    await settle();
    expectLayer(pack, 5, tensors);
    await runPass(pack, weights);
    pack.ranges.length = 0;
    for (const resident of [0, 3, 6]) await weights.layer(resident);
    expect(pack.ranges).not.toContain(3);
    expect(pack.ranges).not.toContain(6);
  });

  it("goes on streaming when memory for a layer is refused, leaves room and says so", async () => {
    const { pack, home, weights } = await openParts(9, 5);
    home.refuses = () => home.liveBytes > 7 * weights.layerBytes;
    weights.keep(8);
    await runPass(pack, weights);
    expect(weights).toMatchObject({ residentLayers: 4, slots: 2, refused: true });
    expect(home.liveBytes).toBe(6 * weights.layerBytes);
    weights.keep(3);
    expect(weights.refused).toBe(false);
    await runPass(pack, weights);
  });
});

describe("refused memory at the load", () => {
  const tensorsPerLayer = new MemoryPack(makeTinyPack(4).manifest, 1).tensorsOf(0).length;

  it("streams what does not fit, with room for two layers left", async () => {
    const { pack, home } = makeParts(12);
    home.refuses = () => home.liveBytes > 9 * placedLayerBytes(pack.manifest, "f32");
    const weights = await openWeights(pack, home);
    expect(weights).toMatchObject({ residentLayers: 5, slots: 2, refused: true });
    expect(home.liveBytes).toBe(7 * weights.layerBytes);
    for (let pass = 0; pass < 2; pass++) await runPass(pack, weights);
    expect(weights.residentLayers).toBe(5);
    weights.release();
    expect(home.liveBytes).toBe(0);
  });

  it("is out-of-memory when not even the slots fit, and keeps nothing", async () => {
    const { pack, home } = makeParts(12);
    home.refuses = () => home.liveBytes > 1.5 * placedLayerBytes(pack.manifest, "f32");
    await expect(openWeights(pack, home)).rejects.toMatchObject({ code: "out-of-memory" });
    expect(home.liveBytes).toBe(0);
  });

  it.each([0, 2, 5])("of any one tensor costs no more than a typed error, with %i of 5 layers asked for", async (n) => {
    const refusal = (error: unknown): void => {
      expect(error).toMatchObject({ code: "out-of-memory" });
    };
    for (let k = 1; k <= 5 * tensorsPerLayer; k++) {
      const { pack, home } = makeParts(5);
      home.refuses = (asked) => asked === k;
      const weights = await openWeights(pack, home, { residentLayers: n }).catch(refusal);
      if (weights) {
        expect(weights.refused).toBe(home.asked >= k);
        // Without residents nothing is left to give up for a slot; the refusal over, the pass works.
        await runPass(pack, weights).catch(refusal);
        await runPass(pack, weights);
        weights.release();
      }
      await settle();
      expect(home.liveBytes).toBe(0);
    }
  });
});

describe("WeightStore", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ layer: fc.nat(8), turns: fc.nat(12) }) },
    { weight: 1, arbitrary: fc.record({ keep: fc.nat(9) }) },
  );

  it("hands out each layer's own weights in any order, within its memory, while layers come and go", async () => {
    const property = fc.asyncProperty(
      fc.nat(9),
      fc.array(step, { maxLength: 25 }),
      fc.nat(50),
      async (n, steps, failing) => {
        const { pack, home, weights } = await openParts(9, n);
        let reads = 0;
        let bad = failing;
        pack.beforeRange = () =>
          ++reads === bad ? Promise.reject(new EmbedError("model-fetch-failed", "once")) : Promise.resolve();
        let kept = n;
        for (const item of steps) {
          if ("keep" in item) {
            kept = item.keep;
            weights.keep(kept);
          } else {
            const tensors = await weights.layer(item.layer).catch(() => weights.layer(item.layer));
            for (let turn = 0; turn < item.turns; turn++) await new Promise((resolve) => setImmediate(resolve));
            expectLayer(pack, item.layer, tensors);
          }
          expect(home.liveBytes).toBeLessThanOrEqual((kept + streamSlots(9, kept)) * weights.layerBytes);
        }
        bad = 0;
        for (let pass = 0; pass < 2; pass++) await runPass(pack, weights);
        expect(weights.residentLayers).toBe(kept);
        expect(pack.mostRangesAtOnce).toBeLessThanOrEqual(1);
        weights.release();
        await settle();
        expect(home.liveBytes).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
});
