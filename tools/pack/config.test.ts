import { describe, expect, it } from "vitest";
import { EmbedError } from "../../src/errors.ts";
import { parseConfig } from "./config.ts";
import { TINY_CONFIG } from "./synthetic-model.ts";

const parse = (changes: object) => parseConfig(JSON.stringify({ ...TINY_CONFIG, ...changes }));

describe("parseConfig", () => {
  it("keeps upstream's names and numbers", () => {
    const { architecture, eosTokenId } = parse({});
    expect(architecture).toMatchObject({ hidden_size: 64, head_dim: 16, rope_theta: 1_000_000, vocab_size: 100 });
    expect(eosTokenId).toBe(1);
  });

  it("finds theta where newer exports keep it", () => {
    const { architecture } = parse({ rope_theta: undefined, rope_parameters: { rope_type: "default", rope_theta: 5 } });
    expect(architecture.rope_theta).toBe(5);
  });

  it("knows no end token where config.json names several or one outside the vocabulary", () => {
    expect(parse({ eos_token_id: [1, 2] }).eosTokenId).toBeNull();
    expect(parse({ eos_token_id: 100 }).eosTokenId).toBeNull();
  });

  it.each([
    ["another architecture", { model_type: "llama" }, "model_type"],
    ["another activation", { hidden_act: "gelu" }, "hidden_act"],
    ["biases", { attention_bias: true }, "attention_bias"],
    ["a sliding window", { use_sliding_window: true }, "use_sliding_window"],
    ["layers with a sliding window", { layer_types: ["full_attention", "sliding_attention"] }, "layer_types"],
    ["scaled RoPE", { rope_scaling: { type: "yarn", factor: 4 } }, "rope_scaling"],
    ["scaled RoPE in the newer form", { rope_parameters: { rope_type: "linear" } }, "rope_parameters"],
    ["a hidden size that is no whole number of blocks", { hidden_size: 80 }, "hidden_size"],
    ["heads that do not share evenly", { num_key_value_heads: 4 }, "num_attention_heads"],
    ["an odd head", { head_dim: 15 }, "head_dim"],
    ["a billion layers", { num_hidden_layers: 1e9 }, "num_hidden_layers"],
    ["sizes whose product would overflow", { intermediate_size: 2 ** 50 }, "intermediate_size"],
    ["a vocabulary of any size", { vocab_size: 2 ** 40 }, "vocab_size"],
    ["heads of any size", { num_attention_heads: 2 ** 20 }, "num_attention_heads · head_dim"],
  ])("refuses %s", (_, changes, key) => {
    expect(() => parse(changes)).toThrow(
      expect.objectContaining({ code: "invalid-input", message: expect.stringContaining(key) }),
    );
  });

  it.each([
    ["missing", { hidden_size: undefined }],
    ["text", { vocab_size: "100" }],
    ["zero", { num_hidden_layers: 0 }],
    ["negative", { rms_norm_eps: -1 }],
    ["a fraction", { head_dim: 16.5 }],
  ])("refuses a number that is %s, by its key", (_, changes) => {
    expect(() => parse(changes)).toThrow(
      expect.objectContaining({
        code: "model-corrupt",
        details: expect.objectContaining({ key: Object.keys(changes)[0] }),
      }),
    );
  });

  it.each(["model_type", "hidden_size", "rms_norm_eps", "layer_types", "rope_scaling", "hidden_act"])(
    "refuses a %s that nests deeply or has megabytes, in few words",
    (key) => {
      const deep = "[".repeat(100_000) + "]".repeat(100_000);
      const long = JSON.stringify("x".repeat(500_000));
      for (const value of [deep, `[${deep}]`, long, `[${long}]`, `{"type":${deep}}`]) {
        const json = JSON.stringify({ ...TINY_CONFIG, [key]: "VALUE" }).replace('"VALUE"', () => value);
        // A list is no scaling's type.
        if (key === "rope_scaling" && value.startsWith("[")) continue;
        if (key === "layer_types" && !value.startsWith("[")) continue;
        expect(() => parseConfig(json)).toThrow(EmbedError);
        expect(() => parseConfig(json)).toThrow(/^.{1,400}$/);
      }
    },
  );

  it.each(["", "[", "null", "7"])("refuses %j", (text) => {
    expect(() => parseConfig(text)).toThrow(expect.objectContaining({ code: "model-corrupt" }));
  });
});
