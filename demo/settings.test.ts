/** @file Tests of the URL parameters. */
import { describe, expect, it } from "vitest";
import { readSettings } from "./settings.ts";

const BASE = "https://strata.example/demo/index.html";

describe("readSettings", () => {
  it("names no model and the automatic device by default", () => {
    expect(readSettings("", BASE)).toEqual({
      settings: { model: null, device: "auto" },
      problems: [],
    });
  });

  it("reads every parameter", () => {
    const search = "?device=wasm&activations=f16&model=../packs/big&chunk=48&budget=512";
    expect(readSettings(search, BASE)).toEqual({
      settings: {
        model: "https://strata.example/packs/big/",
        device: "wasm",
        activations: "f16",
        chunkTokens: 48,
        vramBudgetBytes: 512 * 1024 ** 2,
      },
      problems: [],
    });
  });

  it.each([
    ["?device=cuda", "device", "cuda"],
    ["?device=", "device", ""],
    ["?activations=bf16", "activations", "bf16"],
    ["?chunk=0", "chunk", "0"],
    ["?chunk=-4", "chunk", "-4"],
    ["?chunk=2.5", "chunk", "2.5"],
    ["?chunk=99999", "chunk", "99999"],
    ["?budget=0", "budget", "0"],
    ["?budget=1GB", "budget", "1GB"],
    ["?budget=9999999", "budget", "9999999"],
    ["?model=", "model", ""],
    ["?model=javascript:alert(1)", "model", "javascript:alert(1)"],
    ["?model=blob:https://strata.example/1", "model", "blob:https://strata.example/1"],
    ["?model=http://[", "model", "http://["],
  ])("reports the bad value of %s", (search, parameter, value) => {
    expect(readSettings(search, BASE).problems).toEqual([expect.objectContaining({ parameter, value })]);
  });

  it("reports every bad value at once and leaves unknown parameters alone", () => {
    const { problems } = readSettings("?device=a&chunk=b&utm=c", BASE);
    expect(problems.map((problem) => problem.parameter)).toEqual(["device", "chunk"]);
  });
});
