/** @file The ONNX graph of a whole model, the conventional way: ids and a mask in, hidden states out. Pure. */
import type { Architecture, WeightBits } from "../../src/pack.ts";
import { CONTRIB, GraphBuilder, type GraphOptions } from "../pack/graph-builder.ts";
import { layerWeights } from "../pack/layout.ts";
import { BLOCK } from "../pack/quantize.ts";
import type { ExportLayout } from "./export-layout.ts";

export interface WholeGraphOptions extends Omit<GraphOptions, "name"> {
  readonly tableBits: WeightBits;
}

/**
 * Inputs `input_ids`, `attention_mask`, `position_ids`, all int64 `[B, S]`; output `last_hidden_state`, float32
 * `[B, S, H]`, the final norm applied.
 *
 * `GroupQueryAttention` takes padding on the right only. So each row's tokens are moved to its left, in their order,
 * before they are looked up, and their hidden states back to where they were at the end: any mask is right, and no
 * layer pays for it. What padding positions hold is finite and means nothing.
 *
 * @returns A serialized `ModelProto`; the weights are where the layout says.
 */
export function buildWholeGraph(
  architecture: Architecture,
  layout: ExportLayout,
  { tableBits, ...options }: WholeGraphOptions,
): Uint8Array {
  const graph = new GraphBuilder(architecture, { ...options, name: "qwen3-embedding" });
  for (const input of ["input_ids", "attention_mask", "position_ids"]) graph.input(input, "int64", ["B", "S"]);
  for (const { tensor, scales } of layout.weights) {
    for (const part of scales ? [tensor, scales] : [tensor]) graph.external(part.name, part.type, part);
  }
  for (const table of [layout.cos, layout.sin]) graph.external(table.name, table.type, table);
  addOrder(graph);
  addEmbedding(graph, tableBits);
  addShapes(graph);
  for (let layer = 0; layer < architecture.num_hidden_layers; layer++) addLayer(graph, layer);
  addOutput(graph);
  return graph.encode();
}

/** Reads nothing but the mask, in int64, which stays on the CPU: no GPU work, and no wait for it. */
function addOrder(graph: GraphBuilder): void {
  const names = { one: 1, row_axis: 0, column_axis: 1, flat: -1 };
  for (const [name, value] of Object.entries(names)) graph.constant(name, [value]);
  graph.cast("attention_mask", "is_token", "bool");
  graph.cast("is_token", "token", "int64");
  graph.node("Sub", [["one", "token"], ["padding"]]);
  graph.node("Add", [["token", "padding"], ["ones"]]);
  graph.node("ReduceSum", [["token", "column_axis"], ["tokens"]], { ints: { keepdims: 1 } });
  // A token's place among the tokens; a padding position's place behind them. Both count from 1.
  graph.node("CumSum", [["token", "column_axis"], ["token_place"]]);
  graph.node("CumSum", [["padding", "column_axis"], ["padding_count"]]);
  graph.node("Add", [["padding_count", "tokens"], ["padding_place"]]);
  graph.node("Where", [["is_token", "token_place", "padding_place"], ["place_from_1"]]);
  graph.node("Sub", [["place_from_1", "one"], ["place"]]);
  graph.node("CumSum", [["ones", "column_axis"], ["column_from_1"]]);
  graph.node("Sub", [["column_from_1", "one"], ["column"]]);
  graph.node("ScatterElements", [["column", "place", "column"], ["order"]], { ints: { axis: 1 } });
  graph.node("GatherElements", [["input_ids", "order"], ["ordered_ids"]], { ints: { axis: 1 } });
  addLengths(graph);
}

function addLengths(graph: GraphBuilder): void {
  // A row without any token is taken as one of one token: attention over none would be a division by zero.
  graph.node("Max", [["tokens", "one"], ["lengths"]]);
  graph.node("Sub", [["lengths", "one"], ["last_places"]]);
  graph.node("Reshape", [["last_places", "flat"], ["last_place"]]);
  graph.cast("last_place", "seqlens_k", "int32");
  graph.node("Shape", [["input_ids"], ["shape"]]);
  graph.node("Gather", [["shape", "column_axis"], ["columns"]], { ints: { axis: 0 } });
  graph.cast("columns", "total_seq", "int32");
  graph.node("CumSum", [["ones", "row_axis"], ["row_from_1"]]);
  graph.node("Sub", [["row_from_1", "one"], ["row"]]);
  graph.node("Mul", [["row", "columns"], ["row_start"]]);
  graph.node("Add", [["row_start", "place"], ["flat_place"]]);
}

/**
 * Of a quantised table the rows are looked up first and made numbers then: each byte of codes through a table of all
 * 256. `GatherBlockQuantized` would do the same in one operator, but onnxruntime-web 1.30.0's WebGPU build, which
 * transformers.js takes for WASM too, has no kernel of it for WASM.
 */
function addEmbedding(graph: GraphBuilder, tableBits: WeightBits): void {
  if (tableBits === 16) {
    graph.node("Gather", [["embed.w", "ordered_ids"], ["hidden.0"]], { ints: { axis: 0 } });
    return;
  }
  const { hidden_size: hidden } = graph.architecture;
  graph.numbers("code_values", [256, 8 / tableBits], codeValues(tableBits));
  graph.constant("per_block", [0, 0, hidden / BLOCK, BLOCK]);
  graph.constant("per_hidden", [0, 0, hidden]);
  graph.node("Gather", [["embed.q", "ordered_ids"], ["embed_bytes"]], { ints: { axis: 0 } });
  graph.cast("embed_bytes", "embed_codes", "int32");
  graph.node("Gather", [["code_values", "embed_codes"], ["embed_values"]], { ints: { axis: 0 } });
  graph.node("Reshape", [["embed_values", "per_block"], ["embed_blocks"]]);
  graph.node("Gather", [["embed.s", "ordered_ids"], ["embed_scales"]], { ints: { axis: 0 } });
  graph.node("Mul", [["embed_blocks", "embed_scales"], ["embed_scaled"]]);
  graph.node("Reshape", [["embed_scaled", "per_hidden"], ["hidden.0"]]);
}

/** What each byte of codes stands for, before its scale; of 4 bits two columns, the even one in the low nibble. */
function codeValues(bits: 4 | 8): number[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  return bits === 8 ? bytes.map((byte) => byte - 128) : bytes.flatMap((byte) => [(byte & 15) - 8, (byte >> 4) - 8]);
}

/** Zero keeps the dimension of the input. */
function addShapes(graph: GraphBuilder): void {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = graph.architecture;
  graph.constant("per_head", [0, 0, heads, headDim]);
  graph.constant("per_kv_head", [0, 0, kvHeads, headDim]);
  graph.constant("per_token", [0, 0, heads * headDim]);
  graph.constant("per_kv_token", [0, 0, kvHeads * headDim]);
  graph.constant("per_row", [-1, graph.architecture.hidden_size]);
}

/** Reads `hidden.0` or the two branches that the layer before left to be added, leaves two for the next. */
function addLayer(graph: GraphBuilder, layer: number): void {
  const name = (part: string) => `layers.${layer}.${part}`;
  const weights = layerWeights(graph.architecture, layer);
  const linear = (input: string, from: string, to: string) => {
    const { shape } = weights.find((weight) => weight.input === input)!;
    graph.product({ name: name(input), shape }, name(from), name(to));
  };
  if (layer === 0) graph.norm("hidden.0", name("ln1.w"), name("normed"));
  for (const part of ["q", "k", "v"]) linear(part, "normed", part);
  headNorm(graph, name("q"), ["per_head", "per_token"]);
  headNorm(graph, name("k"), ["per_kv_head", "per_kv_token"]);
  addAttention(graph, name);
  linear("o", "attended", "attention_out");
  const residual = layer === 0 ? "hidden.0" : name("residual");
  skipNorm(graph, [name("attention_out"), residual, name("ln2.w")], [name("ffn_normed"), name("middle")]);
  linear("gate", "ffn_normed", "gate");
  linear("up", "ffn_normed", "up");
  graph.node("Sigmoid", [[name("gate")], [name("gate_sigmoid")]]);
  graph.node("Mul", [[name("gate"), name("gate_sigmoid")], [name("gate_silu")]]);
  graph.node("Mul", [[name("gate_silu"), name("up")], [name("product")]]);
  linear("down", "product", "ffn_out");
  const isLast = layer === graph.architecture.num_hidden_layers - 1;
  const next = `layers.${layer + 1}`;
  if (isLast) skipNorm(graph, [name("ffn_out"), name("middle"), "final.norm"], ["normed"]);
  else skipNorm(graph, [name("ffn_out"), name("middle"), `${next}.ln1.w`], [`${next}.normed`, `${next}.residual`]);
}

/** Qwen3 norms each head of q and k before RoPE. */
function headNorm(graph: GraphBuilder, name: string, [split, joined]: readonly [string, string]): void {
  graph.node("Reshape", [[name, split], [`${name}_heads`]]);
  graph.norm(`${name}_heads`, `${name}n.w`, `${name}_heads_normed`);
  graph.node("Reshape", [[`${name}_heads_normed`, joined], [`${name}_normed`]]);
}

/**
 * Without past and without present: on WASM that is another, tiled kernel, which is 1.8 times as fast for 8 × 200
 * tokens of the nano model, and 4.6 times for 1,500. RoPE inside, with positions that count each row's tokens, is a
 * dispatch less on WebGPU than `RotaryEmbedding` with `position_ids`, and as fast on WASM.
 */
function addAttention(graph: GraphBuilder, name: (part: string) => string): void {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = graph.architecture;
  const inputs = [
    name("q_normed"),
    name("k_normed"),
    name("v"),
    "",
    "",
    "seqlens_k",
    "total_seq",
    "rope.cos",
    "rope.sin",
  ];
  graph.node("GroupQueryAttention", [inputs, [name("attended")]], {
    domain: CONTRIB,
    ints: { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1, rotary_interleaved: 0 },
    floats: { scale: headDim ** -0.5 },
  });
}

/** The norm of the sum of two branches, and the sum, as one operator. */
function skipNorm(graph: GraphBuilder, inputs: readonly string[], [normed, sum]: readonly string[]): void {
  graph.node("SkipSimplifiedLayerNormalization", [inputs, sum ? [normed!, "", "", sum] : [normed!]], {
    domain: CONTRIB,
    floats: { epsilon: graph.architecture.rms_norm_eps },
  });
}

function addOutput(graph: GraphBuilder): void {
  const isNarrow = graph.float === "f16";
  graph.node("Reshape", [["normed", "per_row"], ["normed_rows"]]);
  graph.node("Gather", [["normed_rows", "flat_place"], [isNarrow ? "narrow_state" : "last_hidden_state"]], {
    ints: { axis: 0 },
  });
  if (isNarrow) graph.cast("narrow_state", "last_hidden_state", "f32");
  graph.output("last_hidden_state", ["B", "S", graph.architecture.hidden_size], "f32");
}
