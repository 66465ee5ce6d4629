/**
 * @file How long each dispatch of a device takes, whatever library makes it: every dispatch becomes a compute pass of
 * its own between two timestamps. Runs in browsers and in Node; to be attached before anything compiles on the device.
 */

/** Dispatches of one kernel over one grid, all together. */
export interface DispatchRecord {
  /** The pipeline's label, or what its shader says of itself; see `kernelName`. */
  readonly label: string;
  /** Of all of them. */
  readonly milliseconds: number;
  /** `[x, y, z]` of each; zeros where the grid came from a buffer. */
  readonly workgroups: readonly [number, number, number];
  readonly count: number;
}

export interface DispatchTimer {
  /** Times what is encoded from now on. */
  start(): void;
  /**
   * Ends the timing and waits for what was submitted. A pass of its own for each dispatch costs a little between
   * dispatches, not in them.
   *
   * @returns The longest first.
   */
  stop(): Promise<DispatchRecord[]>;
}

/** As of `GPUBufferUsage` and `GPUMapMode`, of which TypeScript has no values. */
const RESOLVE_USAGE = 0x200 | 0x4; // QUERY_RESOLVE | COPY_SRC
const READBACK_USAGE = 0x1 | 0x8; // MAP_READ | COPY_DST
const MAP_MODE_READ = 0x1;

/** The most that a query set may have (WebGPU's own limit). */
const QUERIES = 4096;

/** Results are resolved at multiples of 256 bytes: 32 timestamps, the 16 dispatches after which ONNX Runtime submits. */
const BLOCK = 32;

const STAMP_BYTES = 8;

/** A query set, and where its timestamps go. */
interface Page {
  readonly set: GPUQuerySet;
  readonly buffer: GPUBuffer;
  /** Of queries that are taken, in whole blocks. */
  taken: number;
}

/** Sixteen dispatches of one encoder. */
interface Block {
  readonly page: Page;
  readonly first: number;
  readonly stamped: Stamp[];
}

interface Stamp {
  readonly label: string;
  readonly workgroups: DispatchRecord["workgroups"];
}

/** What a pass was told before its dispatches. */
interface PassState {
  pipeline: GPUComputePipeline | null;
  readonly groups: Map<number, BindGroupCall>;
}

type BindGroupCall = Parameters<GPUComputePassEncoder["setBindGroup"]>;

/**
 * @throws {Error} When the device was made without `timestamp-query`.
 */
export function timeDispatches(device: GPUDevice): DispatchTimer {
  if (!device.features.has("timestamp-query")) throw new Error("the device has no timestamp-query");
  const names = watchNames(device);
  // A gauge on the device is not to count what is only here to look.
  const make = Object.getPrototypeOf(device) as Pick<GPUDevice, "createBuffer">;
  let pages: Page[] = [];
  let blocks: Block[] = [];
  let timing = false;

  const newBlock = (): Block => {
    let page = pages.at(-1);
    if (!page || page.taken === QUERIES) {
      page = {
        set: device.createQuerySet({ type: "timestamp", count: QUERIES }),
        buffer: make.createBuffer.call(device, { size: QUERIES * STAMP_BYTES, usage: RESOLVE_USAGE }),
        taken: 0,
      };
      pages.push(page);
    }
    const block = { page, first: page.taken, stamped: [] };
    page.taken += BLOCK;
    blocks.push(block);
    return block;
  };

  const createEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (descriptor) => {
    const encoder = createEncoder(descriptor);
    if (timing) stampPasses(encoder, { newBlock, nameOf: names });
    return encoder;
  };

  return {
    start() {
      timing = true;
    },
    async stop() {
      timing = false;
      await device.queue.onSubmittedWorkDone();
      const [usedPages, usedBlocks] = [pages, blocks];
      [pages, blocks] = [[], []];
      const stamps = new Map<Page, BigUint64Array>();
      for (const page of usedPages) stamps.set(page, await readStamps(device, page));
      return summed(usedBlocks.flatMap((block) => readBlock(block, stamps.get(block.page)!)));
    },
  };
}

/** Replaces the encoder's passes; results are resolved when it is finished. */
function stampPasses(
  encoder: GPUCommandEncoder,
  { newBlock, nameOf }: { readonly newBlock: () => Block; readonly nameOf: (pipeline: GPUComputePipeline) => string },
): void {
  const begin = encoder.beginComputePass.bind(encoder);
  const finish = encoder.finish.bind(encoder);
  const own: Block[] = [];
  const stamp = (
    state: PassState,
    workgroups: Stamp["workgroups"],
    dispatch: (pass: GPUComputePassEncoder) => void,
  ) => {
    let block = own.at(-1);
    if (!block || block.stamped.length * 2 === BLOCK) own.push((block = newBlock()));
    const at = block.first + 2 * block.stamped.length;
    const timestampWrites = {
      querySet: block.page.set,
      beginningOfPassWriteIndex: at,
      endOfPassWriteIndex: at + 1,
    };
    const pass = begin({ timestampWrites });
    if (state.pipeline) pass.setPipeline(state.pipeline);
    for (const call of state.groups.values()) pass.setBindGroup(...call);
    dispatch(pass);
    pass.end();
    block.stamped.push({ label: state.pipeline ? nameOf(state.pipeline) : "no pipeline", workgroups });
  };
  encoder.beginComputePass = () => splitPass(stamp);
  encoder.finish = (descriptor) => {
    for (const { page, first, stamped } of own) {
      encoder.resolveQuerySet(page.set, first, 2 * stamped.length, page.buffer, first * STAMP_BYTES);
    }
    return finish(descriptor);
  };
}

/** What stands in for a pass: nothing but what ONNX Runtime and plain compute code call. */
function splitPass(
  stamp: (state: PassState, workgroups: Stamp["workgroups"], dispatch: (pass: GPUComputePassEncoder) => void) => void,
): GPUComputePassEncoder {
  const state: PassState = { pipeline: null, groups: new Map() };
  const pass = {
    label: "",
    setPipeline(pipeline: GPUComputePipeline) {
      state.pipeline = pipeline;
    },
    setBindGroup(...call: BindGroupCall) {
      state.groups.set(call[0], call);
    },
    dispatchWorkgroups(x: number, y = 1, z = 1) {
      stamp(state, [x, y, z], (real) => real.dispatchWorkgroups(x, y, z));
    },
    dispatchWorkgroupsIndirect(buffer: GPUBuffer, offset: number) {
      stamp(state, [0, 0, 0], (real) => real.dispatchWorkgroupsIndirect(buffer, offset));
    },
    pushDebugGroup: () => undefined,
    popDebugGroup: () => undefined,
    insertDebugMarker: () => undefined,
    end: () => undefined,
  };
  return pass as unknown as GPUComputePassEncoder;
}

/** @returns What a pipeline is called. */
function watchNames(device: GPUDevice): (pipeline: GPUComputePipeline) => string {
  const ofModule = new WeakMap<GPUShaderModule, string>();
  const ofPipeline = new WeakMap<GPUComputePipeline, string>();
  const createModule = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    const module = createModule(descriptor);
    ofModule.set(module, kernelName(descriptor.code, descriptor.label));
    return module;
  };
  const named = ({ label, compute }: GPUComputePipelineDescriptor) =>
    label || (ofModule.get(compute.module) ?? "unnamed");
  const create = device.createComputePipeline.bind(device);
  device.createComputePipeline = (descriptor) => {
    const pipeline = create(descriptor);
    ofPipeline.set(pipeline, named(descriptor));
    return pipeline;
  };
  const createAsync = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = async (descriptor) => {
    const pipeline = await createAsync(descriptor);
    ofPipeline.set(pipeline, named(descriptor));
    return pipeline;
  };
  return (pipeline) => ofPipeline.get(pipeline) ?? "made before timing";
}

/** Where a shader says nothing of itself: enough of its code to tell it from others. */
const NAME_LETTERS = 80;

/** What the label does not say, the first words of the shader do. */
export function kernelName(code: string, label = ""): string {
  return label || code.trim().replace(/\s+/g, " ").slice(0, NAME_LETTERS);
}

/** @returns Nanoseconds by query. */
async function readStamps(device: GPUDevice, { set, buffer, taken }: Page): Promise<BigUint64Array> {
  const make = Object.getPrototypeOf(device) as Pick<GPUDevice, "createBuffer">;
  const size = taken * STAMP_BYTES;
  const staging = make.createBuffer.call(device, { size, usage: READBACK_USAGE });
  try {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_MODE_READ);
    return new BigUint64Array(staging.getMappedRange().slice(0));
  } finally {
    staging.destroy();
    buffer.destroy();
    set.destroy();
  }
}

function readBlock({ first, stamped }: Block, stamps: BigUint64Array): DispatchRecord[] {
  return stamped.map((stamp, i) => {
    const [begin, end] = [stamps[first + 2 * i]!, stamps[first + 2 * i + 1]!];
    // Clocks of some GPUs run backwards between two power states: such a dispatch counts as no time.
    return { ...stamp, milliseconds: end > begin ? Number(end - begin) / 1e6 : 0, count: 1 };
  });
}

/** One record for all dispatches of one kernel over one grid. */
function summed(records: readonly DispatchRecord[]): DispatchRecord[] {
  const sums = new Map<string, DispatchRecord>();
  for (const record of records) {
    const key = `${record.workgroups.join()} ${record.label}`;
    const { milliseconds = 0, count = 0 } = sums.get(key) ?? {};
    sums.set(key, { ...record, milliseconds: milliseconds + record.milliseconds, count: count + 1 });
  }
  return [...sums.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}
