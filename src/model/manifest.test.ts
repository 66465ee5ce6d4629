/** @file The manifest check: what it takes, what it refuses and how it says so. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { EmbedError } from "../errors.ts";
import type { PackManifest, WeightBits } from "../pack.ts";
import { makeTinyPack } from "./fixtures/tiny-pack.ts";
import { BLOCK_BYTES, layerTensorSpecs, parseManifest, tokenRowBytes } from "./manifest.ts";

type Path = readonly (string | number)[];

/** A copy of the manifest as JSON with the value at `path` replaced, or removed when `value` is undefined. */
function changed(manifest: PackManifest, path: Path, value: unknown): unknown {
  const root = JSON.parse(JSON.stringify(manifest)) as Record<string | number, unknown>;
  let parent = root;
  for (const key of path.slice(0, -1)) parent = parent[key] as Record<string | number, unknown>;
  parent[path.at(-1)!] = value;
  return JSON.parse(JSON.stringify(root));
}

function failure(json: unknown): EmbedError {
  try {
    parseManifest(json);
  } catch (error) {
    if (error instanceof EmbedError) return error;
    throw error;
  }
  throw new Error("the manifest was accepted");
}

/** Every path that leads to a value of `json`. */
function paths(json: unknown, prefix: Path = []): Path[] {
  if (typeof json !== "object" || json === null) return [prefix];
  return [prefix, ...Object.entries(json).flatMap(([key, value]) => paths(value, [...prefix, key]))].filter(
    (path) => path.length > 0,
  );
}

const { manifest } = makeTinyPack();
const HASH = "a".repeat(64);
const at = (name: string) => manifest.tensors.findIndex((tensor) => tensor.name === name);
const query = at("layers.0.q.q");
const last = at("layers.0.down.s");
const table = manifest.files.findIndex((file) => file.name === "embedding-1.bin");

describe("parseManifest", () => {
  it.each([4, 8, 16] as const)("returns a valid %i-bit manifest unchanged", (bits) => {
    const valid = makeTinyPack(bits).manifest;
    expect(parseManifest(JSON.parse(JSON.stringify(valid)))).toEqual(valid);
  });

  it("takes a model without a tokenizer and drops fields it does not know", () => {
    const json = { ...(changed(manifest, ["tokenizer"], null) as object), extra: { deep: 1 } };
    expect(parseManifest(json)).toEqual({ ...manifest, tokenizer: null });
  });

  it("names the field and the value in message and details", () => {
    const error = failure(changed(manifest, ["tensors", query, "offset"], -256));
    expect(error.code).toBe("model-corrupt");
    expect(error.details).toEqual({ field: `tensors[${query}].offset`, value: -256 });
    expect(error.message).toContain(`tensors[${query}].offset is -256, must be`);
  });

  it("repeats at most a piece of a huge value", () => {
    const error = failure(changed(manifest, ["format"], "x".repeat(1_000_000)));
    expect(error.message.length).toBeLessThan(300);
    expect(String(error.details.value).length).toBeLessThan(300);
  });

  it.each([null, undefined, 7, "text", [], true, () => 1, Symbol("s"), 10n])("refuses %s as a whole", (json) => {
    expect(failure(json).details.field).toBe("manifest");
  });

  const tensor = (name: string) => manifest.tensors[at(name)]!;
  const cases: readonly [what: string, path: Path, value: unknown, field: string][] = [
    ["another format", ["format"], "gguf", "format"],
    ["a version of the future", ["version"], 2, "version"],
    ["another pooling", ["pooling"], "mean", "pooling"],
    ["another block", ["quantization", "block"], 64, "quantization.block"],
    ["unknown bits", ["quantization", "bits"], 3, "quantization.bits"],
    ["no layers", ["architecture", "num_hidden_layers"], 0, "architecture.num_hidden_layers"],
    ["2^62 layers", ["architecture", "num_hidden_layers"], 2 ** 62, "architecture.num_hidden_layers"],
    ["a fractional width", ["architecture", "hidden_size"], 64.5, "architecture.hidden_size"],
    ["a width that is text", ["architecture", "hidden_size"], "64", "architecture.hidden_size"],
    ["an odd head", ["architecture", "head_dim"], 15, "architecture.head_dim"],
    ["heads no multiple of kv heads", ["architecture", "num_key_value_heads"], 4, "architecture.num_key_value_heads"],
    ["a width that splits a block", ["architecture", "hidden_size"], 80, "architecture.hidden_size"],
    ["an MLP that splits a block", ["architecture", "intermediate_size"], 100, "architecture.intermediate_size"],
    ["heads that split a block", ["architecture", "head_dim"], 18, "architecture.head_dim"],
    ["a zero epsilon", ["architecture", "rms_norm_eps"], 0, "architecture.rms_norm_eps"],
    ["more tokens than positions", ["maxTokens"], 1025, "maxTokens"],
    ["an end token outside the vocabulary", ["endTokenId"], 100, "endTokenId"],
    ["a negative pad token", ["padTokenId"], -1, "padTokenId"],
    ["dimensions over the hidden size", ["dimensions", "max"], 65, "dimensions.max"],
    ["least dimensions over the most", ["dimensions", "min"], 65, "dimensions.min"],
    ["a query prompt without the text", ["prompts", "query"], "{instruction}", "prompts.query"],
    ["a document prompt without the text", ["prompts", "document"], "passage", "prompts.document"],
    [
      "a source hash in capitals",
      ["source", "sha256", "model.safetensors"],
      "A".repeat(64),
      "source.sha256.model.safetensors",
    ],
    ["no files", ["files"], [], "files"],
    ["a file of no bytes", ["files", 0, "bytes"], 0, "files[0].bytes"],
    ["a file of negative bytes", ["files", 0, "bytes"], -1, "files[0].bytes"],
    ["a file of 2^53 bytes", ["files", 0, "bytes"], 2 ** 53, "files[0].bytes"],
    ["a short hash", ["files", 0, "sha256"], "ab", "files[0].sha256"],
    ["too many blocks", ["files", 0, "blocks"], [HASH, HASH], "files[0].blocks"],
    ["too few blocks", ["files", 0, "bytes"], BLOCK_BYTES + 1, "files[0].blocks"],
    ["a block that is not the file", ["files", 0, "blocks"], [HASH], "files[0].blocks"],
    ["a name used twice", ["files", 1, "name"], manifest.files[0]!.name, "files[1].name"],
    ["names that differ in case", ["files", 1, "name"], manifest.files[0]!.name.toUpperCase(), "files[1].name"],
    ["the manifest among its files", ["files", 1, "name"], "Manifest.json", "files[1].name"],
    ["a graph that is no file", ["graphs", "f16", "whole"], "layer.onnx", "graphs.f16.whole"],
    ["a missing graph", ["graphs", "f32", "sliced"], undefined, "graphs.f32.sliced"],
    ["the graph of an older pack", ["graphs", "f32"], "layer.f32.onnx", "graphs.f32"],
    ["a tokenizer that is no file", ["tokenizer", "model"], "toString", "tokenizer.model"],
    ["rows of other bytes", ["tokenTable", "rowBytes"], 37, "tokenTable.rowBytes"],
    ["table bits that do not fit the rows", ["tokenTable", "bits"], 16, "tokenTable.rowBytes"],
    ["a vocabulary that the table files miss", ["tokenTable", "rowsPerFile"], 40, "tokenTable.files"],
    ["a table file with too few rows", ["tokenTable", "rowsPerFile"], 61, "tokenTable.files[0]"],
    ["a table file of the wrong size", ["files", table, "bytes"], 17, "tokenTable.files[1]"],
    ["a negative offset", ["tensors", query, "offset"], -256, `tensors[${query}].offset`],
    ["a fractional offset", ["tensors", query, "offset"], 256.5, `tensors[${query}].offset`],
    ["an unaligned offset", ["tensors", query, "offset"], 128, `tensors[${query}].offset`],
    ["an offset past the file", ["tensors", query, "offset"], 2 ** 40, `tensors[${query}].offset`],
    ["a tensor that ends past the file", ["tensors", last, "offset"], tensor("layers.0.down.s").offset + 256, "offset"],
    ["a tensor over another", ["tensors", at("layers.0.q.s"), "offset"], tensor("layers.0.q.q").offset, "offset"],
    ["another dtype", ["tensors", query, "dtype"], "float16", `tensors[${query}].dtype`],
    ["another shape", ["tensors", query, "shape", 0], 64, `tensors[${query}].shape[0]`],
    ["another rank", ["tensors", query, "shape"], [96, 32], `tensors[${query}].shape`],
    ["bytes that are not the shape's", ["tensors", query, "bytes"], 4096, `tensors[${query}].bytes`],
    ["a tensor of no layer", ["tensors", query, "name"], "layers.2.q.q", `tensors[${query}].name`],
    ["a tensor named twice", ["tensors", query, "name"], "layers.0.ln1.w", `tensors[${query}].name`],
    ["a tensor in another layer's file", ["tensors", 0, "file"], "layer-01.bin", "file"],
    ["a missing tensor", ["tensors"], manifest.tensors.slice(1), "tensors"],
    ["no golden vector", ["golden"], [], "golden"],
    ["a golden token outside the vocabulary", ["golden", 0, "inputIds", 0], 100, "golden[0].inputIds[0]"],
    ["golden ids without the end token", ["golden", 0, "inputIds", 1], 2, "golden[0].inputIds[1]"],
    ["golden dimensions that are not the vector's", ["golden", 0, "dimensions"], 63, "golden[0].vector"],
    ["a golden vector that is no unit", ["golden", 1, "vector", 0], 0.9, "golden[1].vector"],
    ["a golden component that is no number", ["golden", 0, "vector", 3], null, "golden[0].vector[3]"],
    ["an unknown role", ["golden", 0, "role"], "title", "golden[0].role"],
  ];
  for (const [what, path, value, field] of cases) {
    it(`refuses ${what}`, () => {
      const error = failure(changed(manifest, path, value));
      expect(error.code).toBe("model-corrupt");
      expect(String(error.details.field)).toContain(field);
    });
  }

  it.each([
    ["", "."],
    ["..", "../a.bin"],
    ["a/b.bin", "a\\b.bin"],
    ["/etc/passwd", "C:a.bin"],
    ["a..b", ".hidden"],
    ["a.bin?x=1", "a.bin#x"],
    ["a%2fb", "https://a.example/b"],
    ["a b", "a."],
    ["a\u0000", "\u00e4.bin"],
    ["a\n", "x".repeat(101)],
  ])("refuses the file names %j and %j", (first, second) => {
    for (const name of [first, second]) {
      expect(failure(changed(manifest, ["files", 0, "name"], name)).details.field).toBe("files[0].name");
    }
  });

  it("refuses two layers in one file, which would be read once for each", () => {
    const bytes = manifest.files[0]!.bytes;
    const files = manifest.files.with(0, { ...manifest.files[0]!, bytes: 3 * bytes });
    const tensors = manifest.tensors.map((tensor) =>
      tensor.file === "layer-01.bin"
        ? { ...tensor, file: "layer-00.bin", offset: tensor.offset + Math.ceil(bytes / 256) * 256 }
        : tensor,
    );
    const error = failure({ ...manifest, files, tensors });
    expect(error.message).toContain("a file of layers.1 alone");
  });

  it("refuses a token table that names one file twice", () => {
    const files = manifest.files.map((file) =>
      file.name.startsWith("embedding") ? { ...file, bytes: 50 * manifest.tokenTable.rowBytes } : file,
    );
    const tokenTable = { ...manifest.tokenTable, rowsPerFile: 50 };
    expect(parseManifest({ ...manifest, files, tokenTable }).tokenTable).toEqual(tokenTable);
    const twice = { ...tokenTable, files: ["embedding-0.bin", "embedding-0.bin"] };
    expect(failure({ ...manifest, files, tokenTable: twice }).details.field).toBe("tokenTable.files");
  });

  it("takes no inherited property for a field", () => {
    expect(failure(Object.create(JSON.parse(JSON.stringify(manifest)) as object)).details.field).toBe("format");
  });

  it("refuses every manifest from which one field is missing, but for a golden text", () => {
    for (const path of paths(manifest)) {
      const last = path.at(-1);
      if (last === "text" || path[2] === "model.safetensors") continue;
      expect(failure(changed(manifest, path, undefined)).code, path.join(".")).toBe("model-corrupt");
    }
  });
});

/** The placement rules, written a second time so that the check is not its own judge. */
function expectSafe(accepted: PackManifest): void {
  const sizes = new Map(accepted.files.map((file) => [file.name, file.bytes]));
  for (const file of accepted.files) {
    expect(file.name).toMatch(/^[\w.-]+$/);
    expect(file.name).not.toMatch(/^\.|\.\./);
    expect(file.blocks.length).toBe(Math.ceil(file.bytes / 16_777_216));
  }
  for (const tensor of accepted.tensors) {
    expect(Number.isInteger(tensor.offset) && tensor.offset >= 0 && tensor.offset % 256 === 0).toBe(true);
    expect(tensor.offset + tensor.bytes).toBeLessThanOrEqual(sizes.get(tensor.file)!);
    for (const other of accepted.tensors) {
      if (other === tensor || other.file !== tensor.file) continue;
      expect(other.offset >= tensor.offset + tensor.bytes || tensor.offset >= other.offset + other.bytes).toBe(true);
    }
  }
}

describe("parseManifest on mutated manifests", () => {
  const everyPath = paths(manifest);
  const hostile = fc.oneof(
    fc.constantFrom<unknown>(-1, 0, 1, 128, 256, 512, 4096, 2 ** 31, 2 ** 53, 2 ** 62, 1e308, 0.5, "", "../x", null),
    fc.constantFrom<unknown>("layer-00.bin", "final.bin", "large.bin", "layers.0.q.q", "__proto__", true, [], {}),
    fc.integer({ min: 0, max: 200 }).map((n) => n * 256),
    fc.jsonValue(),
  );
  const mutation = fc.record({ path: fc.constantFrom(...everyPath), value: hostile });

  it("throws nothing but model-corrupt and accepts no tensor out of place", () => {
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        const json = JSON.parse(JSON.stringify(manifest)) as Record<string, unknown>;
        for (const { path, value } of mutations) {
          let parent: unknown = json;
          for (const key of path.slice(0, -1)) parent = (parent as Record<string, unknown> | null)?.[key];
          if (typeof parent === "object" && parent !== null) {
            (parent as Record<string, unknown>)[String(path.at(-1))] = value;
          }
        }
        let accepted: PackManifest;
        try {
          accepted = parseManifest(json);
        } catch (error) {
          expect(error).toBeInstanceOf(EmbedError);
          expect((error as EmbedError).code).toBe("model-corrupt");
          expect(() => structuredClone((error as EmbedError).details)).not.toThrow();
          return;
        }
        expectSafe(accepted);
      }),
      { numRuns: 1000 },
    );
  });

  it("accepts an offset only where the tensor lies inside its file and over no other", () => {
    const index = fc.integer({ min: 0, max: manifest.tensors.length - 1 });
    const offset = fc.oneof(
      fc.integer({ min: -8, max: 8 }).map((n) => ({ by: n * 256 })),
      fc.double(),
      fc.integer(),
    );
    fc.assert(
      fc.property(index, offset, (i, place) => {
        const own = manifest.tensors[i]!;
        const value = typeof place === "number" ? place : own.offset + place.by;
        try {
          expectSafe(parseManifest(changed(manifest, ["tensors", i, "offset"], value)));
        } catch (error) {
          if (!(error instanceof EmbedError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("answers any JSON with a typed error", () => {
    fc.assert(fc.property(fc.jsonValue(), (json) => void expect(failure(json).code).toBe("model-corrupt")));
  });
});

describe("layerTensorSpecs", () => {
  it("lays linear layers out as the layer graph binds them", () => {
    const shapes = (bits: WeightBits) =>
      new Map(
        layerTensorSpecs(manifest.architecture, bits).map(({ input, dtype, shape }) => [input, [dtype, ...shape]]),
      );
    expect(shapes(4).get("o.q")).toEqual(["uint8", 64, 3, 16]);
    expect(shapes(8).get("o.q")).toEqual(["uint8", 64, 3, 32]);
    expect(shapes(4).get("o.s")).toEqual(["float16", 192]);
    expect(shapes(16).get("o.w")).toEqual(["float16", 96, 64]);
    expect(shapes(4).get("k.q")).toEqual(["uint8", 32, 2, 16]);
    expect(shapes(4).get("qn.w")).toEqual(["float16", 16]);
    expect([shapes(4).size, shapes(8).size, shapes(16).size]).toEqual([18, 18, 11]);
  });
});

describe("tokenRowBytes", () => {
  it("counts codes and block scales", () => {
    expect([4, 8, 16].map((bits) => tokenRowBytes(256, bits as WeightBits))).toEqual([144, 272, 512]);
  });
});
