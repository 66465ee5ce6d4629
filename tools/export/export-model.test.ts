import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import onnxProto from "onnx-proto";
import { describe, expect, it } from "vitest";
import type { PackManifest } from "../../src/pack.ts";
import { packModel } from "../pack/pack-model.ts";
import { openSource } from "../pack/source.ts";
import { encodeGguf, ggufName, ggufTensor, qwen3Metadata } from "../pack/synthetic-gguf.ts";
import { TINY_CONFIG, tinyTensors, writeModel } from "../pack/synthetic-model.ts";
import { readTensorRows } from "../pack/tensor-rows.ts";
import { temporaryFolder } from "../pack/temporary-folder.ts";
import { exportModel, type ExportOptions, type ExportProgress } from "./export-model.ts";
import { embedPadded, maxAbsDiff, openExported } from "./run-exported.ts";

const root = temporaryFolder();
const source = join(root, "tiny");
writeModel(source);
writeFileSync(join(source, "LICENSE"), "a licence");

let count = 0;
const freshOut = () => join(root, `export-${count++}`);

async function exported(changes: Partial<ExportOptions> = {}): Promise<string> {
  const out = freshOut();
  await exportModel({ source, out, dtypes: ["q4"], ...changes });
  return out;
}

async function packed(bits: 4 | 8): Promise<string> {
  const out = join(root, `pack-${bits}`);
  await packModel({ source, out, bits, embeddingBits: 8, name: "tiny", golden: [3] });
  return out;
}

const files = (out: string) => readdirSync(join(out, "onnx")).filter((name) => !name.startsWith("."));
const read = (out: string, name: string) => readFileSync(join(out, "onnx", name));

/** Bytes of an initializer by its name. */
function initializers(out: string, file: string): Map<string, Buffer> {
  const { graph } = onnxProto.onnx.ModelProto.decode(read(out, file));
  const external = graph!.initializer!.filter(({ externalData }) => externalData?.length);
  return new Map(
    external.map(({ name, externalData }) => {
      const place = Object.fromEntries(externalData!.map(({ key, value }) => [key, value]));
      const start = Number(place["offset"]);
      return [name!, read(out, place["location"]!).subarray(start, start + Number(place["length"]))];
    }),
  );
}

describe("exportModel", () => {
  it("lays files out as transformers.js looks for them", async () => {
    const out = await exported({ dtypes: ["fp32", "fp16", "q8", "q4", "q4f16"] });
    const graphs = ["model.onnx", "model_fp16.onnx", "model_q4.onnx", "model_q4f16.onnx", "model_quantized.onnx"];
    expect(files(out)).toEqual(graphs.flatMap((name) => [name, `${name}_data`]));
    const config = JSON.parse(readFileSync(join(out, "config.json"), "utf8")) as Record<string, unknown>;
    expect(config).toMatchObject({ model_type: "qwen3", hidden_size: TINY_CONFIG.hidden_size });
    const counts = Object.fromEntries(graphs.map((name) => [name, 1]));
    expect(config["transformers.js_config"]).toEqual({ use_external_data_format: counts });
    expect(readFileSync(join(out, "LICENSE"), "utf8")).toBe("a licence");
  });

  it.each([
    [4, "q4", "model_q4.onnx"],
    [8, "q8", "model_quantized.onnx"],
  ] as const)("holds the integers of a pack of %d bits, byte for byte", async (bits, dtype, file) => {
    const pack = await packed(bits);
    const [ofPack, ofModel] = [await exported({ source: pack, dtypes: [dtype] }), await exported({ dtypes: [dtype] })];
    const names = files(ofPack);
    expect(names).toEqual(files(ofModel));
    for (const name of names) expect(read(ofPack, name).equals(read(ofModel, name))).toBe(true);
    const manifest = JSON.parse(readFileSync(join(pack, "manifest.json"), "utf8")) as PackManifest;
    const found = initializers(ofPack, file);
    const codes = manifest.tensors.filter(({ name }) => name.endsWith(".q"));
    expect(codes).toHaveLength(7 * TINY_CONFIG.num_hidden_layers);
    for (const { name, file: packFile, offset, bytes } of codes) {
      const expected = readFileSync(join(pack, packFile)).subarray(offset, offset + bytes);
      expect(found.get(name)!.equals(expected)).toBe(true);
    }
    const { rowBytes } = manifest.tokenTable;
    const hidden = TINY_CONFIG.hidden_size;
    const row = readFileSync(join(pack, "embedding-0.bin")).subarray(5 * rowBytes, 5 * rowBytes + hidden);
    expect(
      found
        .get("embed.q")!
        .subarray(5 * hidden, 6 * hidden)
        .equals(row),
    ).toBe(true);
  });

  it("takes the blocks of a GGUF file as they are, as the pack does", async () => {
    const { architecture, tensors } = openSource(source, null);
    const encoded = [...tensors].map(([name, tensor]) => {
      const isVector = tensor.shape.length === 1;
      const values = readTensorRows(tensor, { firstRow: 0, rows: isVector ? 1 : tensor.shape[0]! });
      return ggufTensor(ggufName(name), { values, shape: tensor.shape }, isVector ? "F32" : "Q8_0");
    });
    const gguf = join(root, "tiny.gguf");
    writeFileSync(gguf, encodeGguf({ metadata: qwen3Metadata(architecture, 1), tensors: encoded }));
    const pack = join(root, "pack-gguf");
    await packModel({ source: gguf, out: pack, bits: 8, embeddingBits: 8, golden: [3] });
    const [ofGguf, ofPack] = await Promise.all([gguf, pack].map((from) => exported({ source: from, dtypes: ["q8"] })));
    for (const name of files(ofPack!)) expect(read(ofGguf!, name).equals(read(ofPack!, name))).toBe(true);
  });

  it("splits weights into files of a given size, which together give the same vectors", async () => {
    const [whole, split] = [await exported(), await exported({ pieceBytes: 100_000 })];
    const data = files(split).filter((name) => name.includes("_data"));
    expect(data.slice(0, 2)).toEqual(["model_q4.onnx_data", "model_q4.onnx_data_1"]);
    for (const name of data) expect(read(split, name).length).toBeLessThanOrEqual(100_000);
    const config = JSON.parse(readFileSync(join(split, "config.json"), "utf8")) as Record<string, unknown>;
    expect(config["transformers.js_config"]).toEqual({ use_external_data_format: { "model_q4.onnx": data.length } });
    const batch = {
      rows: [
        [5, 6, 7, 1],
        [9, 1],
      ],
      side: "left",
    } as const;
    const [a, b] = [await openExported(whole, "model_q4.onnx"), await openExported(split, "model_q4.onnx")];
    expect(maxAbsDiff(await embedPadded(a, batch), await embedPadded(b, batch))).toBe(0);
  });

  it("keeps what is up to date, and makes again what is damaged", async () => {
    const out = await exported();
    const inode = () => statSync(join(out, "onnx", "model_q4.onnx_data")).ino;
    const before = { inode: inode(), bytes: read(out, "model_q4.onnx_data") };
    expect((await exportModel({ source, out, dtypes: ["q4"] })).graphs).toMatchObject([{ kept: true }]);
    expect(inode()).toBe(before.inode);
    writeFileSync(join(out, "onnx", "model_q4.onnx_data"), before.bytes.subarray(0, -1));
    expect((await exportModel({ source, out, dtypes: ["q4"] })).graphs).toMatchObject([{ kept: false }]);
    expect(read(out, "model_q4.onnx_data").equals(before.bytes)).toBe(true);
  });

  it("leaves other dtypes loadable, and drops data files that it no longer needs", async () => {
    const out = await exported({ dtypes: ["q4", "fp32"], pieceBytes: 100_000 });
    const ofFp32 = files(out).filter((name) => name.startsWith("model.onnx"));
    await exportModel({ source, out, dtypes: ["q4"] });
    expect(files(out)).toEqual([...ofFp32, "model_q4.onnx", "model_q4.onnx_data"]);
    const config = readFileSync(join(out, "config.json"), "utf8");
    expect(config).toContain(`"model.onnx": ${ofFp32.length - 1}`);
    expect(config).toContain(`"model_q4.onnx": 1`);
  });

  it("leaves nothing that looks whole when it is stopped, and goes on with the files that were finished", async () => {
    const out = freshOut();
    const stop = new AbortController();
    const onProgress = ({ phase, done, total }: ExportProgress) => {
      if (phase === "exporting" && done > 0.7 * total) stop.abort();
    };
    const options = { source, out, dtypes: ["q4"], pieceBytes: 100_000 } as const;
    await expect(exportModel({ ...options, signal: stop.signal, onProgress })).rejects.toMatchObject({
      code: "aborted",
    });
    expect(files(out)).toEqual([]);
    expect(existsSync(join(out, "config.json"))).toBe(false);
    const name = "model_q4.onnx_data";
    const { ino } = statSync(join(out, "onnx", ".partial-q4", name));
    const steps: ExportProgress[] = [];
    await exportModel({ ...options, onProgress: (step) => steps.push(step) });
    expect(statSync(join(out, "onnx", name)).ino).toBe(ino);
    expect(readdirSync(join(out, "onnx")).filter((entry) => entry.startsWith(".partial"))).toEqual([]);
    expect(steps.at(-1)!.done).toBe(steps.at(-1)!.total);
  });

  it("refuses what a pack has not, what does not fit, and its own source", async () => {
    const pack = await packed(4);
    const refused = (changes: Partial<ExportOptions>) =>
      expect(exportModel({ source: pack, out: freshOut(), dtypes: ["q4"], ...changes })).rejects;
    await refused({ dtypes: ["q8"] }).toMatchObject({ code: "invalid-input", details: { dtype: "q8", bits: 4 } });
    await refused({ pieceBytes: 10_000 }).toMatchObject({ code: "invalid-input", details: { limit: 10_000 } });
    await refused({ out: pack }).toMatchObject({ code: "invalid-input" });
    await refused({ source: join(root, "none") }).toMatchObject({ code: "model-not-found" });
    await refused({ tokenizer: source }).toMatchObject({ code: "invalid-input" });
  });

  it("refuses a folder that holds another model's export", async () => {
    const out = await exported();
    const other = join(root, "other");
    writeModel(other, tinyTensors());
    writeFileSync(join(other, "config.json"), JSON.stringify({ ...TINY_CONFIG, rope_theta: 5 }));
    await expect(exportModel({ source: other, out, dtypes: ["fp32"] })).rejects.toMatchObject({
      code: "invalid-input",
    });
  });

  it("refuses a pack with a byte that is not the manifest's, and names the file", async () => {
    const pack = join(root, "damaged");
    await packModel({ source, out: pack, bits: 4, embeddingBits: 8, golden: [3] });
    const path = join(pack, "layer-01.bin");
    const bytes = readFileSync(path);
    bytes[100]! ^= 1;
    writeFileSync(path, bytes);
    const out = freshOut();
    const refusal = { code: "model-corrupt", details: { file: "layer-01.bin" } };
    await expect(exportModel({ source: pack, out, dtypes: ["q4"] })).rejects.toMatchObject(refusal);
    expect(existsSync(out)).toBe(false);
  });
});
