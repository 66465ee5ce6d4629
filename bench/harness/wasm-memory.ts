/** @file How much WebAssembly memory a worker holds. To be imported before what makes it. */

/** ONNX Runtime makes its memory itself and hands it to its module, so every one of them passes here. */
const memories: WebAssembly.Memory[] = [];
WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
  construct(Memory, [descriptor]: [WebAssembly.MemoryDescriptor]) {
    const memory = new Memory(descriptor);
    memories.push(memory);
    return memory;
  },
});

/** Bytes of all memories so far, which never shrink. */
export function wasmBytes(): number {
  return memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}
