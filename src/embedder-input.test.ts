/** @file Tests of what callers may pass. */
import { describe, expect, it } from "vitest";
import {
  checkInputs,
  checkLimit,
  checkLimits,
  checkModelOptions,
  checkPositiveInteger,
  checkRequest,
  checkText,
  checkTexts,
  checkWarmUp,
} from "./embedder-input.ts";
import type { UrlSource } from "./delivery.ts";
import { EmbedError } from "./errors.ts";

/** What is thrown for values that a TypeScript caller could not pass. */
function refusal(check: (value: never) => unknown, value: unknown): EmbedError {
  try {
    check(value as never);
  } catch (error) {
    expect(error).toBeInstanceOf(EmbedError);
    expect(error).toMatchObject({ code: "invalid-input" });
    return error as EmbedError;
  }
  return expect.fail("nothing was thrown");
}

describe("checkInputs", () => {
  it("takes a text, a text's ids, and arrays of either", () => {
    expect(checkInputs("a")).toEqual(["a"]);
    expect(checkInputs([1, 2])).toEqual([[1, 2]]);
    expect(checkInputs(["a", ""])).toEqual(["a", ""]);
    expect(checkInputs([[1, 2], [], [3]])).toEqual([[1, 2], [], [3]]);
    expect(checkInputs(["a", [1]])).toEqual(["a", [1]]);
  });

  it("takes no input at all", () => {
    expect(checkInputs([])).toEqual([]);
  });

  it("copies reactive proxies into plain arrays, which can be sent", () => {
    const proxy = new Proxy([new Proxy([1, 2], {}), "a"], {});
    expect(structuredClone(checkInputs(proxy))).toEqual([[1, 2], "a"]);
  });

  it.each([
    [null, "null"],
    [undefined, "undefined"],
    [7, "number"],
    [{ length: 1 }, "Object"],
    [new Int32Array(2), "Int32Array"],
  ])("refuses %s instead of an array", (value, type) => {
    expect(refusal(checkInputs, value).details).toEqual({ type });
  });

  it.each([
    [["a", null], 1, "null"],
    [["a", 5], 1, "number"],
    [[{}], 0, "Object"],
    [["a", "b", new Set()], 2, "Set"],
  ])("names index and type of the bad element of %j", (value, index, type) => {
    const error = refusal(checkInputs, value);
    expect(error.details).toEqual({ index, type });
    expect(error.message).toContain(`input ${index} `);
  });

  it("refuses the holes of a sparse array", () => {
    const sparse = ["a", "b"];
    sparse[3] = "d";
    expect(refusal(checkInputs, sparse).details).toEqual({ index: 2, type: "undefined" });
    expect(refusal(checkInputs, new Array(2)).details).toEqual({ index: 0, type: "undefined" });
  });

  it.each([
    [[1, 2.5], 0, 1, "number"],
    [[1, "a"], 0, 1, "string"],
    [[[1], [NaN]], 1, 0, "number"],
    [["a", [1, 2, Infinity]], 1, 2, "number"],
    [[[1, , 2]], 0, 1, "undefined"], // eslint-disable-line no-sparse-arrays
  ])("names the place of the id in %j that is no integer", (value, ...place) => {
    const [index, position, type] = place;
    expect(refusal(checkInputs, value).details).toEqual({ index, position, type });
  });
});

describe("checkTexts", () => {
  it("takes texts only", () => {
    expect(checkTexts(["a", "b"])).toEqual(["a", "b"]);
    expect(refusal(checkTexts, ["a", [1]]).details).toEqual({ index: 1, type: "Array" });
    expect(refusal(checkTexts, "a").details).toEqual({ type: "string" });
  });
});

describe("checkText", () => {
  it("takes a string only", () => {
    expect(checkText("")).toBe("");
    expect(refusal(checkText, ["a"]).details).toEqual({ type: "Array" });
  });
});

describe("checkRequest", () => {
  it("keeps what is sent and drops what cannot be", () => {
    const options = { dimensions: 64, output: "int8", signal: AbortSignal.abort(), onProgress: () => {} } as const;
    expect(structuredClone(checkRequest(options))).toEqual({ dimensions: 64, output: "int8" });
  });

  it.each([
    ["role", "passage"],
    ["output", "float16"],
    ["overflow", "split"],
    ["priority", 1],
    ["output", null],
  ])("refuses %s: %j", (option, value) => {
    expect(refusal(checkRequest, { [option]: value }).details).toMatchObject({ option, value });
  });

  it("refuses an instruction that is not a text", () => {
    expect(refusal(checkRequest, { instruction: 3 }).message).toBe("instruction is not a string: 3");
  });
});

describe("checkModelOptions", () => {
  const PAGE = "https://example.org/app/index.html";
  const urlOf = (model: string | URL, base: string | undefined = PAGE): string =>
    (checkModelOptions({ model }, base).model as UrlSource).url;

  it("resolves the pack's folder against the page", () => {
    expect(urlOf("models/nano")).toBe("https://example.org/app/models/nano/");
    expect(urlOf("/models/nano/")).toBe("https://example.org/models/nano/");
    expect(urlOf("https://cdn.example.org/nano?key=1", undefined)).toBe("https://cdn.example.org/nano/?key=1");
    expect(urlOf(new URL("https://cdn.example.org/nano"))).toBe("https://cdn.example.org/nano/");
  });

  it("leaves the caller's URL object as it is", () => {
    const model = new URL("https://cdn.example.org/nano");
    urlOf(model);
    expect(model.href).toBe("https://cdn.example.org/nano");
  });

  it.each([
    ["", PAGE],
    ["http://", PAGE],
    ["models/nano", undefined],
    [undefined, PAGE],
    [7, PAGE],
  ])("refuses the model %j on the page %j", (model, page) => {
    const error = refusal((options) => checkModelOptions(options, page), { model });
    expect(error.details).toEqual({ option: "model", value: model });
  });

  it("passes on what was asked for, and nothing else", () => {
    const options = {
      model: "m",
      storage: "none",
      device: "wasm",
      activations: "f16",
      chunkTokens: 16,
      onProgress: () => {},
    } as const;
    expect(checkModelOptions(options, PAGE)).toEqual({
      model: { url: "https://example.org/app/m/" },
      storage: "none",
      device: "wasm",
      activations: "f16",
      chunkTokens: 16,
    });
    expect(checkModelOptions({ model: "m" }, PAGE)).toEqual({
      model: { url: "https://example.org/app/m/" },
    });
  });

  it("takes any source of a pack", () => {
    const model = { hub: "owner/repo", token: "t" };
    expect(checkModelOptions({ model }, PAGE)).toEqual({ model });
    expect(refusal((options) => checkModelOptions(options, PAGE), { model: { hub: "repo" } }).details).toEqual({
      option: "model.hub",
      value: "repo",
    });
  });

  it.each([
    ["storage", "opfs"],
    ["device", "gpu"],
    ["activations", "bf16"],
    ["chunkTokens", 0],
    ["chunkTokens", 1.5],
    ["chunkTokens", "16"],
  ])("refuses %s: %j", (option, value) => {
    const error = refusal((options) => checkModelOptions(options, PAGE), { model: "m", [option]: value });
    expect(error.details).toMatchObject({ option, value });
  });
});

describe("checkPositiveInteger", () => {
  it.each([0, -1, 0.5, NaN, Infinity])("refuses %s and names the option", (value) => {
    expect(() => checkPositiveInteger("readyTimeoutMs", value)).toThrow(/^readyTimeoutMs is /);
  });
});

describe("checkLimit", () => {
  it("takes a positive number or Infinity, nothing else", () => {
    expect(checkLimit("x", 0.5)).toBe(0.5);
    expect(checkLimit("x", Infinity)).toBe(Infinity);
    for (const value of [0, -1, NaN, "5", null]) {
      const error = refusal((limit: number) => checkLimit("x", limit), value);
      expect(error.details).toEqual({ option: "x", value });
    }
  });
});

describe("checkLimits", () => {
  const check = (options: never) => checkLimits(options, { option: "watchdog", names: ["pingMs", "runMs"] });

  it("copies what is set", () => {
    expect(check({ pingMs: 5, runMs: undefined } as never)).toEqual({ pingMs: 5 });
  });

  it("names the option that is wrong or unknown", () => {
    expect(refusal(check, { runMs: -1 }).details).toMatchObject({ option: "watchdog.runMs" });
    expect(refusal(check, { pingms: 1 }).details).toMatchObject({ option: "watchdog.pingms" });
    expect(refusal(check, null).details).toEqual({ type: "null" });
    expect(refusal(check, 5).details).toEqual({ type: "number" });
  });
});

describe("checkWarmUp", () => {
  it("copies token counts into plain arrays", () => {
    expect(checkWarmUp({})).toEqual({});
    expect(structuredClone(checkWarmUp({ batches: new Proxy([[1, 2]], {}) }))).toEqual({ batches: [[1, 2]] });
  });

  it("refuses what is no token count", () => {
    expect(refusal(checkWarmUp, { batches: [[1], 2] }).details).toEqual({ index: 1, type: "number" });
    expect(refusal(checkWarmUp, { batches: [[1.5]] }).details).toMatchObject({ option: "batches[0]" });
  });
});

describe("queue limits", () => {
  const check = (queue: never) => checkModelOptions({ model: "http://localhost/a", queue }, undefined).queue;

  it("keep what is set, by priority", () => {
    const queue = { bulk: { maxQueuedTokens: 5, maxConcurrentRequests: Infinity }, normal: undefined };
    expect(check(queue as never)).toEqual({ bulk: queue.bulk });
  });

  it("name the option that is wrong or unknown", () => {
    expect(refusal(check, { bulk: { maxTokensPerSecond: 0 } }).details).toMatchObject({
      option: "queue.bulk.maxTokensPerSecond",
    });
    expect(refusal(check, { urgent: {} }).details).toMatchObject({ option: "queue.urgent" });
    expect(refusal(check, { bulk: 5 }).details).toEqual({ type: "number" });
  });
});
