import onnxProto from "onnx-proto";
import { describe, expect, it } from "vitest";
import { layerTensorSpecs } from "../../src/model/manifest.ts";
import { parseConfig } from "./config.ts";
import { buildLayerGraph } from "./layer-graph.ts";
import { TINY_CONFIG } from "./synthetic-model.ts";

const { architecture } = parseConfig(JSON.stringify(TINY_CONFIG));
/** The 4B model's. */
const large = {
  ...architecture,
  hidden_size: 2560,
  intermediate_size: 9728,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 128,
};

function decode(bytes: Uint8Array) {
  const { graph, opsetImport, irVersion } = onnxProto.onnx.ModelProto.decode(bytes);
  const describeValue = (value: onnxProto.onnx.IValueInfoProto) => {
    const tensor = value.type!.tensorType!;
    return [
      value.name,
      tensor.elemType,
      tensor.shape!.dim!.map((dim) => dim.dimParam || Number(dim.dimValue)),
    ] as const;
  };
  return {
    irVersion: Number(irVersion),
    opsets: opsetImport.map(({ domain, version }) => [domain, Number(version)]),
    inputs: graph!.input!.map(describeValue),
    outputs: graph!.output!.map(describeValue),
    nodes: graph!.node!,
    initializers: graph!.initializer!,
  };
}

const FLOAT = { f32: 1, f16: 10 };

describe("buildLayerGraph", () => {
  it("stays under 100 KB at the 4B shape", () => {
    for (const bits of [4, 8, 16] as const) {
      expect(buildLayerGraph(large, { bits, activations: "f32", sequences: "sliced" }).length).toBeLessThan(100_000);
    }
  });

  it.each([
    [4, "f32"],
    [8, "f16"],
    [16, "f32"],
    [16, "f16"],
  ] as const)("takes every weight as an input (%d bit, %s)", (bits, activations) => {
    const { inputs, initializers } = decode(buildLayerGraph(architecture, { bits, activations, sequences: "sliced" }));
    const float = FLOAT[activations];
    expect(inputs).toEqual([
      ["hidden", float, ["T", 64]],
      ["residual", float, ["U", 64]],
      ["pad_index", 6, ["B", "S"]],
      ["unpad_index", 6, ["U"]],
      ["seqlens_k", 6, ["B"]],
      ["total_seq", 6, [1]],
      ["cos", float, ["M", 8]],
      ["sin", float, ["M", 8]],
      ...layerTensorSpecs(architecture, bits).map(({ input, dtype, shape }) => [
        input,
        dtype === "uint8" ? 2 : float,
        shape,
      ]),
      ["past_k", float, ["B", 2, "P", 16]],
      ["past_v", float, ["B", 2, "P", 16]],
    ]);
    // Shapes of `Reshape` alone.
    expect(initializers.every((tensor) => tensor.dataType === 7 && Number(tensor.dims![0]) <= 3)).toBe(true);
  });

  it("gives hidden states, keys and values", () => {
    const { outputs } = decode(buildLayerGraph(architecture, { bits: 4, activations: "f32", sequences: "sliced" }));
    expect(outputs).toEqual([
      ["hidden_out", 1, ["U", 64]],
      ["present_k", 1, ["B", 2, "total", 16]],
      ["present_v", 1, ["B", 2, "total", 16]],
    ]);
  });

  it("has keys and values of other runs for slices alone", () => {
    const [whole, sliced] = (["whole", "sliced"] as const).map((sequences) =>
      decode(buildLayerGraph(architecture, { bits: 4, activations: "f32", sequences })),
    );
    expect(whole!.outputs).toEqual([["hidden_out", 1, ["U", 64]]]);
    expect(sliced!.inputs.slice(0, whole!.inputs.length)).toEqual(whole!.inputs);
    expect(sliced!.inputs.slice(whole!.inputs.length).map(([name]) => name)).toEqual(["past_k", "past_v"]);
  });

  it("reads nothing that is not there, and leaves no result unused", () => {
    for (const [bits, sequences] of [
      [4, "whole"],
      [4, "sliced"],
      [16, "whole"],
      [16, "sliced"],
    ] as const) {
      const { inputs, outputs, nodes, initializers } = decode(
        buildLayerGraph(architecture, { bits, activations: "f32", sequences }),
      );
      const known = new Set([...inputs.map(([name]) => name), ...initializers.map((tensor) => tensor.name)]);
      for (const node of nodes) {
        expect(node.input!.filter((name) => name && !known.has(name))).toEqual([]);
        for (const name of node.output!) known.add(name);
      }
      const read = new Set([...nodes.flatMap((node) => node.input!), ...outputs.map(([name]) => name)]);
      expect([...known].filter((name) => name && !read.has(name))).toEqual([]);
    }
  });

  it("asks for opset 17, IR 8, exact products and grouped attention", () => {
    const { irVersion, opsets, nodes } = decode(
      buildLayerGraph(large, { bits: 4, activations: "f32", sequences: "sliced" }),
    );
    expect(irVersion).toBe(8);
    expect(opsets).toEqual([
      ["", 17],
      ["com.microsoft", 1],
    ]);
    const attributes = (opType: string) =>
      nodes
        .filter((node) => node.opType === opType)
        .map((node) => Object.fromEntries(node.attribute!.map(({ name, i, f }) => [name, Number(i) || f])));
    expect(attributes("MatMulNBits")).toHaveLength(7);
    expect(attributes("MatMulNBits").at(-1)).toEqual({ K: 9728, N: 2560, bits: 4, block_size: 32, accuracy_level: 0 });
    const [attention] = attributes("GroupQueryAttention");
    expect(attention).toMatchObject({ num_heads: 32, kv_num_heads: 8, do_rotary: 1, rotary_interleaved: 0 });
    expect(attention?.["scale"]).toBeCloseTo(128 ** -0.5, 7);
  });
});
