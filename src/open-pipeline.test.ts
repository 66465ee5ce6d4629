/** @file Tests of what a load reads, and of what a refused device means for the next one. */
import { describe, expect, it } from "vitest";
import { EmbedError } from "./errors.ts";
import { makeTinyPack } from "./model/fixtures/tiny-pack.ts";
import { bytesToRead, orSafer } from "./open-pipeline.ts";

describe("bytesToRead", () => {
  const { manifest } = makeTinyPack();
  const sizes = new Map(manifest.files.map(({ name, bytes }) => [name, bytes]));
  const all = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);

  const bytesOf = (...names: string[]): number => names.reduce((sum, name) => sum + sizes.get(name)!, 0);

  it("counts neither the other graphs nor files that nothing refers to", () => {
    const files = [...manifest.files, { name: "notes.bin", bytes: 1000, sha256: "", blocks: [] }];
    expect(bytesToRead({ ...manifest, files }, "f32")).toBe(all - bytesOf("whole.f16.onnx", "sliced.f16.onnx"));
    expect(bytesToRead({ ...manifest, files, tokenizer: null }, "f16")).toBe(
      all - bytesOf("whole.f32.onnx", "sliced.f32.onnx", "tokenizer.json", "tokenizer_config.json"),
    );
  });

  it("counts a graph that serves both kinds of activations", () => {
    const graphs = { f32: manifest.graphs.f32, f16: manifest.graphs.f32 };
    expect(bytesToRead({ ...manifest, graphs }, "f32")).toBe(all - bytesOf("whole.f16.onnx", "sliced.f16.onnx"));
  });
});

describe("orSafer", () => {
  const execution = { kind: "webgpu", activations: "f32", subgroups: true } as const;
  const choice = { execution, reason: "", adapter: null, gpuAdapter: null, saferLeft: true } as never as Omit<
    Parameters<typeof orSafer>[1],
    "afterCrash"
  >;
  const refused = new EmbedError("webgpu-unavailable", "the browser refused a WebGPU device");
  const lost = new EmbedError("device-lost", "lost", { details: { reason: "unknown" } });

  it("makes a refused device a failed check, and a lost one too", () => {
    const first = { ...choice, afterCrash: false };
    const details = { retry: true, selfCheck: { execution, passed: false, failure: refused.message } };
    expect(orSafer(refused, first)).toMatchObject({ code: "numeric-fault", details });
    expect(orSafer(lost, first)).toMatchObject({ code: "numeric-fault", details: { retry: true, reason: "unknown" } });
  });

  it("leaves a device that is refused after a crash as it is: it may be a moment away", () => {
    const second = { ...choice, afterCrash: true };
    expect(orSafer(refused, second)).toBe(refused);
    expect(orSafer(lost, second)).toMatchObject({ code: "numeric-fault", details: { reason: "unknown" } });
  });

  it("leaves errors of the pack and the network, and the last execution's", () => {
    const fetching = new EmbedError("model-fetch-failed", "offline");
    expect(orSafer(fetching, { ...choice, afterCrash: false })).toBe(fetching);
    expect(orSafer(refused, { ...choice, saferLeft: false, afterCrash: false })).toBe(refused);
  });
});
