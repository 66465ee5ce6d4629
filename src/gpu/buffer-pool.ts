/** @file GPU buffers that one pass hands to the next. */

/** How much may lie idle unless told: the hidden states and the KV of one layer of a 4,096-token text of the 4B shape in f16. */
export const POOL_BYTES = 64 * 1024 * 1024;

/**
 * Keeps buffers that were given back, for the next one of the same use and size. Sizes match exactly, a new buffer
 * takes the place of as many idle bytes, and a pass frees what it could not use before it runs: a plan that fits its
 * budget fits it with the pool too.
 */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #capBytes: number;
  /** Longest idle first. */
  readonly #idle: GPUBuffer[] = [];
  #idleBytes = 0;

  /** @param capBytes - How much may lie idle; 0 keeps nothing. */
  constructor(device: GPUDevice, capBytes: number) {
    this.#device = device;
    this.#capBytes = capBytes;
  }

  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** @param wanted - `label` says what the buffer is counted as; what it held before is still in it. */
  take(wanted: GPUBufferDescriptor & { readonly label: string }): GPUBuffer {
    const at = this.#idle.findLastIndex(
      ({ label, size, usage }) => label === wanted.label && size === wanted.size && usage === wanted.usage,
    );
    if (at >= 0) return this.#drop(at);
    this.#free(wanted.size);
    return this.#device.createBuffer(wanted);
  }

  give(buffer: GPUBuffer): void {
    this.#idle.push(buffer);
    this.#idleBytes += buffer.size;
    this.#free(this.#idleBytes - this.#capBytes);
  }

  /** Frees all that lies idle. */
  trim(): void {
    this.#free(this.#idleBytes);
  }

  #free(bytes: number): void {
    for (let left = bytes; left > 0 && this.#idle.length > 0;) {
      const buffer = this.#drop(0);
      left -= buffer.size;
      buffer.destroy();
    }
  }

  #drop(at: number): GPUBuffer {
    const [buffer] = this.#idle.splice(at, 1);
    this.#idleBytes -= buffer!.size;
    return buffer!;
  }
}
