/** @file The ONNX graph of one decoder layer, every weight an input. Pure: architecture → protobuf bytes. */
import { layerTensorSpecs } from "../../src/model/manifest.ts";
import type { Activations, Architecture, WeightBits } from "../../src/pack.ts";
import type { Dimension } from "./graph-builder.ts";
import { CONTRIB, GraphBuilder } from "./graph-builder.ts";

export interface LayerGraphOptions {
  readonly bits: WeightBits;
  readonly activations: Activations;
  /** `"sliced"`: with keys and values of earlier slices as inputs, and those of all so far as outputs. */
  readonly sequences: "whole" | "sliced";
}

/**
 * One layer over T packed tokens of B sequences.
 *
 * Inputs `hidden [T, H]`, `residual [U, H]`, `pad_index [B, S]`, `unpad_index [U]`, `seqlens_k [B]`, `total_seq [1]`,
 * `cos`/`sin [M, D/2]` and the weights, for slices `past_k`/`past_v [B, KVH, P, D]` too; outputs `hidden_out [U, H]`, for
 * slices `present_k`, `present_v` too. Linear layers see packed tokens only; padding lives between the two gathers around
 * the attention. What comes behind it is worked out for U rows: all T (`residual` is `hidden` then), or in the last layer
 * those that are wanted, of which `residual` holds the rows of `hidden`.
 *
 * Why two graphs: without past and present ONNX Runtime 1.30.0 takes a tiled kernel on WASM, which makes a layer of nano
 * 2.9 times as fast at 512 tokens and 5.2 times at 2,048, and on WebGPU no keys and values are written for nobody.
 *
 * @returns A serialized `ModelProto` of a few kilobytes.
 */
export function buildLayerGraph(architecture: Architecture, options: LayerGraphOptions): Uint8Array {
  const { sequences, ...numbers } = options;
  const graph = new GraphBuilder(architecture, { ...numbers, name: "qwen3-layer" });
  addInputs(graph);
  addAttention(graph, sequences);
  addFeedForward(graph);
  graph.output("hidden_out", ["U", architecture.hidden_size]);
  if (sequences === "sliced") for (const name of PRESENT) graph.output(name, kvShape(graph, "total"));
  return graph.encode();
}

const PAST = ["past_k", "past_v"] as const;
const PRESENT = ["present_k", "present_v"] as const;

function kvShape({ architecture }: GraphBuilder, length: Dimension): Dimension[] {
  return ["B", architecture.num_key_value_heads, length, architecture.head_dim];
}

function addInputs(graph: GraphBuilder): void {
  const { architecture, bits, float } = graph;
  const { hidden_size: hidden, head_dim: headDim } = architecture;
  graph.input("hidden", float, ["T", hidden]);
  graph.input("residual", float, ["U", hidden]);
  graph.input("pad_index", "int32", ["B", "S"]);
  graph.input("unpad_index", "int32", ["U"]);
  graph.input("seqlens_k", "int32", ["B"]);
  graph.input("total_seq", "int32", [1]);
  graph.input("cos", float, ["M", headDim / 2]);
  graph.input("sin", float, ["M", headDim / 2]);
  for (const { input, dtype, shape } of layerTensorSpecs(architecture, bits)) {
    graph.input(input, dtype === "uint8" ? "uint8" : float, shape);
  }
}

function addAttention(graph: GraphBuilder, sequences: LayerGraphOptions["sequences"]): void {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = graph.architecture;
  graph.constant("per_head", [-1, heads, headDim]);
  graph.constant("per_kv_head", [-1, kvHeads, headDim]);
  graph.constant("per_token", [-1, heads * headDim]);
  graph.constant("per_kv_token", [-1, kvHeads * headDim]);
  graph.norm("hidden", "ln1.w", "normed");
  for (const name of ["q", "k", "v"]) graph.linear(name, "normed", `${name}_flat`);
  headNorm(graph, "q", ["per_head", "per_token"]);
  headNorm(graph, "k", ["per_kv_head", "per_kv_token"]);
  for (const name of ["q", "k", "v"]) {
    const packed = name === "v" ? "v_flat" : `${name}_normed`;
    graph.node("Gather", [[packed, "pad_index"], [`${name}_padded`]], { ints: { axis: 0 } });
  }
  const isSliced = sequences === "sliced";
  if (isSliced) for (const name of PAST) graph.input(name, graph.float, kvShape(graph, "P"));
  const past = isSliced ? PAST : ["", ""];
  graph.node(
    "GroupQueryAttention",
    [
      ["q_padded", "k_padded", "v_padded", ...past, "seqlens_k", "total_seq", "cos", "sin"],
      ["attended_padded", ...(isSliced ? PRESENT : [])],
    ],
    {
      domain: CONTRIB,
      ints: { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1, rotary_interleaved: 0 },
      floats: { scale: headDim ** -0.5 },
    },
  );
  graph.node("Reshape", [["attended_padded", "per_token"], ["attended_rows"]]);
  graph.node("Gather", [["attended_rows", "unpad_index"], ["attended"]], { ints: { axis: 0 } });
  graph.linear("o", "attended", "attention_out");
}

/** Qwen3 norms each head of q and k before RoPE. */
function headNorm(graph: GraphBuilder, name: "q" | "k", [split, joined]: readonly [string, string]): void {
  graph.node("Reshape", [[`${name}_flat`, split], [`${name}_heads`]]);
  graph.norm(`${name}_heads`, `${name}n.w`, `${name}_heads_normed`);
  graph.node("Reshape", [[`${name}_heads_normed`, joined], [`${name}_normed`]]);
}

function addFeedForward(graph: GraphBuilder): void {
  // The fourth output is the residual sum.
  graph.node(
    "SkipSimplifiedLayerNormalization",
    [
      ["attention_out", "residual", "ln2.w"],
      ["ffn_normed", "", "", "attended_sum"],
    ],
    { domain: CONTRIB, floats: { epsilon: graph.architecture.rms_norm_eps } },
  );
  graph.linear("gate", "ffn_normed", "gate_out");
  graph.linear("up", "ffn_normed", "up_out");
  graph.node("Sigmoid", [["gate_out"], ["gate_sigmoid"]]);
  graph.node("Mul", [["gate_out", "gate_sigmoid"], ["gate_silu"]]);
  graph.node("Mul", [["gate_silu", "up_out"], ["product"]]);
  graph.linear("down", "product", "ffn_out");
  graph.node("Add", [["ffn_out", "attended_sum"], ["hidden_out"]]);
}
