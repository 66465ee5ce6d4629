import { afterEach, describe, expect, it, vi } from "vitest";
import { compare, openPack, packUrl, randomIds } from "../fixtures/browser-packs.ts";
import { captureDevices } from "../fixtures/capture-devices.ts";
import type { Chunk, Pass, RunEvent, Slice } from "../types.ts";
import { chooseExecution, openEngine, type Engine, type EngineOptions } from "./engine.ts";
import type { LayerStack, PassOptions } from "./layers.ts";

const engines: Engine[] = [];
afterEach(() => {
  engines.splice(0).forEach((engine) => engine.release());
  vi.restoreAllMocks();
});

type Device = "wasm" | "webgpu";

async function open(device: Device, options: EngineOptions = {}): Promise<Engine> {
  const pack = await openPack(packUrl("stress-q16"));
  const choice = await chooseExecution({ device, activations: "f32" }, navigator.gpu, []);
  const engine = await openEngine(pack, choice, options);
  engines.push(engine);
  return engine;
}

const chunkOf = (sliced: boolean, ...slices: Slice[]): Chunk => ({
  slices,
  sliced,
  tokenCount: slices.reduce((sum, { length }) => sum + length, 0),
});
const passOf = (...chunks: Chunk[]): Pass => ({
  chunks,
  tokenCount: chunks.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
});

const sequences = [7, 33, 50, 90, 12].map((length) => Int32Array.from(randomIds(length, length)));
const wholePass = (sequence: number): Pass =>
  passOf(chunkOf(false, { sequence, start: 0, length: sequences[sequence]!.length }));
/** Chunks of whole sequences before, between and after the slices of two others. */
const mixedPass = passOf(
  chunkOf(false, { sequence: 0, start: 0, length: 7 }, { sequence: 1, start: 0, length: 33 }),
  chunkOf(true, { sequence: 2, start: 0, length: 40 }),
  chunkOf(true, { sequence: 2, start: 40, length: 10 }),
  chunkOf(false, { sequence: 4, start: 0, length: 12 }),
  chunkOf(true, { sequence: 3, start: 0, length: 40 }),
  chunkOf(true, { sequence: 3, start: 40, length: 40 }),
  chunkOf(true, { sequence: 3, start: 80, length: 10 }),
);

/** One run at a time, in the order asked for. */
function lock(): PassOptions["exclusive"] {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
}

async function rowsOf(stack: LayerStack, pass: Pass, options: Partial<PassOptions> = {}): Promise<Float32Array[]> {
  const inputIds = (sequence: number): Int32Array => sequences[sequence]!;
  const rows = await stack.runPass(pass, { inputIds, exclusive: lock(), ...options });
  return [...rows].sort(([a], [b]) => a - b).map(([, row]) => row);
}

describe.each<Device>(["wasm", "webgpu"])("LayerStack on %s", (device) => {
  it("runs a pass that mixes chunks of whole sequences with slices of several others", async () => {
    const { stack } = await open(device);
    const mixed = await rowsOf(stack, mixedPass);
    const alone: Float32Array[] = [];
    for (const sequence of sequences.keys()) alone.push(...(await rowsOf(stack, wholePass(sequence))));
    expect(mixed).toHaveLength(5);
    // Hidden states before the final norm reach 15: this is 3e-6 of their size.
    expect(compare(mixed, alone).maxAbsDiff).toBeLessThanOrEqual(5e-5);
  });

  it("gives the same bits when two passes take turns, run by run, with streamed layers", async () => {
    const resident = await open(device);
    const expected = [await rowsOf(resident.stack, mixedPass), await rowsOf(resident.stack, wholePass(1))];
    const { stack, weights } = await open(device, { residentLayers: 0 });
    const exclusive = lock();
    const both = [rowsOf(stack, mixedPass, { exclusive }), rowsOf(stack, wholePass(1), { exclusive })];
    expect(await Promise.all(both)).toEqual(expected);
    expect(weights.uploads.layers).toBeGreaterThanOrEqual(weights.layers);
  });

  it("reports each run once it is done, in order, with its time", async () => {
    const events: RunEvent[] = [];
    let ahead = 0;
    let mostAhead = 0;
    const { stack } = await open(device, {
      onRun: (event) => {
        events.push(event);
        ahead += event.kind === "run-start" ? 1 : -1;
        mostAhead = Math.max(mostAhead, ahead);
      },
    });
    const runs: { chunk: Chunk; ms: number }[] = [];
    await rowsOf(stack, mixedPass, { onRun: (run) => runs.push(run), expectedMs: () => 100 });
    expect(runs.map(({ chunk }) => chunk)).toEqual([...mixedPass.chunks, ...mixedPass.chunks, ...mixedPass.chunks]);
    expect(runs.every(({ ms }) => ms >= 0)).toBe(true);
    // Two runs, and the readback, which counts as one and waits for none.
    expect(mostAhead).toBeLessThanOrEqual(3);
    expect(events.filter(({ kind }) => kind === "run-start")).toEqual([
      ...runs.map(() => ({ kind: "run-start", expectedMs: 100 })),
      { kind: "run-start", expectedMs: null },
    ]);
    expect(events.filter(({ kind }) => kind === "run-end")).toHaveLength(runs.length + 1);
  });

  it("fails the pass with what who is told of its runs throws, and is not stuck after it", async () => {
    const { stack } = await open(device);
    const thrown = new Error("a hook threw");
    const onRun = (): void => {
      throw thrown;
    };
    await expect(rowsOf(stack, mixedPass, { onRun })).rejects.toBe(thrown);
    expect(await rowsOf(stack, mixedPass)).toHaveLength(5);
  });

  it("makes one RoPE table for two passes that need it at once", async () => {
    const { stack, gauge } = await open(device);
    const exclusive = lock();
    await Promise.all([stack, stack].map((same) => rowsOf(same, wholePass(0), { exclusive })));
    // Cosines and sines of 1,024 positions for half of a head's 32 columns.
    if (device === "webgpu") expect(gauge.live.tables).toBe(2 * 1024 * 16 * 4);
  });

  it("rehearses a pass with three runs of a layer and three of the last, in the memory that the pass takes", async () => {
    const engine = await open(device, { poolBytes: 0 });
    await rowsOf(engine.stack, mixedPass);
    const { liveBytes, peakBytes } = engine.gauge;
    const other = await open(device, { poolBytes: 0 });
    const runs: Chunk[] = [];
    await other.stack.rehearse(mixedPass, { exclusive: lock(), onRun: ({ chunk }) => runs.push(chunk) });
    expect(runs).toEqual([0, 5, 6, 0, 5, 6].map((i) => mixedPass.chunks[i]));
    // ONNX Runtime keeps uniforms of the shapes that it has seen.
    expect(Math.abs(other.gauge.liveBytes - liveBytes)).toBeLessThan(1024);
    expect(Math.abs(other.gauge.peakBytes - peakBytes)).toBeLessThan(1024);
    const rows = await rowsOf(other.stack, mixedPass);
    expect(rows).toEqual(await rowsOf(engine.stack, mixedPass));
  });
});

describe("GPU memory of passes", () => {
  it("is handed from pass to pass, adds nothing to what a pass needs, and goes with trim", async () => {
    const engine = await open("webgpu");
    const first = await rowsOf(engine.stack, mixedPass);
    const { liveBytes: pooled, peakBytes } = engine.gauge;
    const created = vi.spyOn(GPUDevice.prototype, "createBuffer");
    // What the pass before left in the buffers is not seen.
    expect(await rowsOf(engine.stack, mixedPass)).toEqual(first);
    expect(created.mock.calls.filter(([{ label }]) => label === "hidden" || label === "kv")).toEqual([]);
    expect([engine.gauge.liveBytes, engine.gauge.peakBytes]).toEqual([pooled, peakBytes]);
    engine.trim();
    const { liveBytes: idle, live } = engine.gauge;
    expect(idle).toBeLessThan(pooled);
    expect(live).toMatchObject({ hidden: 0, indices: 0, kv: 0, readback: 0 });
    engine.gauge.resetPeak();
    await rowsOf(engine.stack, wholePass(0));
    const { peakBytes: alone } = engine.gauge;
    await rowsOf(engine.stack, mixedPass);
    engine.gauge.resetPeak();
    await rowsOf(engine.stack, wholePass(0));
    // The larger pass's buffers made way for the smaller one's.
    expect(engine.gauge.peakBytes).toBe(pooled);
    // Its seven rows, and the four that the last layer goes on with.
    expect(engine.gauge.live.hidden).toBe(11 * 128 * 4);
    expect(alone).toBeLessThan(peakBytes);
  });

  it("may be refused at any moment: the pass ends with out-of-memory or is right, and the next one is right", async () => {
    const devices = captureDevices();
    const { stack } = await open("webgpu", { poolBytes: 0 });
    const expected = await rowsOf(stack, wholePass(0));
    const refuse = refuseAllocations(devices[0]!);
    const needed = (await refuse(Infinity, () => rowsOf(stack, wholePass(0)))).created;
    let refused = 0;
    for (let k = 1; k <= needed; k += k < 6 || k > needed - 3 ? 1 : 7) {
      const { outcome } = await refuse(k, () => rowsOf(stack, wholePass(0)));
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: "out-of-memory" });
      else expect(outcome).toEqual(expected);
      refused += Number(outcome instanceof Error);
      expect(await rowsOf(stack, wholePass(0))).toEqual(expected);
    }
    expect(refused).toBeGreaterThan(5);
  });

  it("says how much was asked for when it is refused twice", async () => {
    const devices = captureDevices();
    const { stack } = await open("webgpu", { poolBytes: 0 });
    const refuse = refuseAllocations(devices[0]!);
    await rowsOf(stack, wholePass(0));
    const { outcome } = await refuse(
      (index) => index <= 100,
      () => rowsOf(stack, wholePass(0)),
    );
    // Hidden states of 7 tokens and 4 rows for the last layer, of 128 floats; two rows of 7 indices, one of 4, one length.
    const bytes = 11 * 128 * 4 + 2 * 7 * 4 + 4 * 4 + 4;
    expect(outcome).toMatchObject({ code: "out-of-memory", details: { bytes } });
  });
});

/** Has the device refuse the k-th buffer of a task, as a driver without memory does: the buffer is there but invalid. */
function refuseAllocations(device: GPUDevice) {
  const create = device.createBuffer.bind(device);
  return async <T>(
    refused: number | ((index: number) => boolean),
    task: () => Promise<T>,
  ): Promise<{ outcome: unknown; created: number }> => {
    let created = 0;
    device.createBuffer = (descriptor) => {
      created++;
      const refuse = typeof refused === "number" ? created === refused : refused(created);
      return create(refuse ? { ...descriptor, size: device.limits.maxBufferSize + 4 } : descriptor);
    };
    const outcome = await task().catch((error: unknown) => error);
    device.createBuffer = create;
    return { outcome, created };
  };
}

describe("a device that is lost in a pass", () => {
  it("ends the pass, whatever it waits for, and every later one", async () => {
    for (const destroyAt of [0, 1, 2, 5]) {
      const devices = captureDevices();
      let starts = 0;
      const engine = await open("webgpu", {
        onRun: ({ kind }) => {
          if (kind === "run-start" && starts++ === destroyAt) devices.at(-1)!.destroy();
        },
      });
      await expect(rowsOf(engine.stack, mixedPass)).rejects.toMatchObject({ code: "device-lost" });
      await expect(engine.failed).resolves.toMatchObject({ code: "device-lost" });
      await expect(rowsOf(engine.stack, mixedPass)).rejects.toMatchObject({ code: "device-lost" });
      await engine.ready();
      vi.restoreAllMocks();
    }
  });
});

/** Its f16 layers are never run: software WebGPU has no shader-f16. */
async function openF16() {
  const pack = await openPack(packUrl("stress-q16"));
  const opened: string[] = [];
  const openFile: typeof pack.openFile = (name, options) => {
    opened.push(name);
    return pack.openFile(name, options);
  };
  const choice = await chooseExecution({ device: "webgpu", activations: "f32" }, navigator.gpu, []);
  const execution = { ...choice.execution, activations: "f16" as const };
  const engine = await openEngine({ ...pack, openFile }, { ...choice, execution });
  engines.push(engine);
  opened.length = 0;
  return { engine, opened };
}

describe("the f32 stack beside an f16 one", () => {
  it("is absent where the layers run in f32 anyway", async () => {
    const engine = await open("webgpu");
    expect(await engine.safer(lock())).toBeNull();
    expect(engine.saferBytes).toBe(0);
    engine.releaseSafer();
  });

  it("fetches a layer's files when it comes to it, gives its memory back, and opens again", async () => {
    const { engine, opened } = await openF16();
    const exclusive = lock();
    const { live, liveBytes } = engine.gauge;
    const resident = live.weights;
    let expected: Float32Array[] | null = null;
    for (let repeat = 0; repeat < 2; repeat++) {
      opened.length = 0;
      const stack = await engine.safer(exclusive);
      expect(opened).toHaveLength(2);
      expect(engine.gauge.live.weights).toBe(resident + engine.saferBytes);
      const rows = await rowsOf(stack!, mixedPass, { exclusive });
      expect(rows).toEqual((expected ??= rows));
      expect(opened).toHaveLength(3);
      engine.trim();
      engine.releaseSafer();
      engine.releaseSafer();
      await Promise.resolve();
      expect(engine.gauge.live).toMatchObject({ weights: resident, tables: 0, hidden: 0, kv: 0 });
      // What ONNX Runtime keeps of its session.
      expect(engine.gauge.liveBytes - liveBytes).toBeLessThan(4096);
    }
  });

  it("that one caller no longer wants is there for another", async () => {
    const { engine } = await openF16();
    const exclusive = lock();
    const controller = new AbortController();
    const first = engine.safer(exclusive, controller.signal);
    const second = engine.safer(exclusive);
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: "aborted" });
    expect(await rowsOf((await second)!, wholePass(0), { exclusive })).toHaveLength(1);
  });

  it("opens once, streams its layers, and gives the vectors of an f32 engine", async () => {
    const expected = await rowsOf((await open("webgpu")).stack, mixedPass);
    const devices = captureDevices();
    const { engine } = await openF16();
    const exclusive = lock();
    const [stack, again] = await Promise.all([engine.safer(exclusive), engine.safer(exclusive)]);
    expect(again).toBe(stack);
    expect(await rowsOf(stack!, mixedPass, { exclusive })).toEqual(expected);
    // Memory that one session lacks does not harm it, though the other one stays.
    const refuse = refuseAllocations(devices[0]!);
    const { outcome } = await refuse(20, () => rowsOf(stack!, mixedPass, { exclusive }));
    expect(outcome).toMatchObject({ code: "out-of-memory" });
    expect(await rowsOf(stack!, mixedPass, { exclusive })).toEqual(expected);
  });
});
