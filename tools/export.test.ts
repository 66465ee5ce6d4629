import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { exportModel } from "./export/export-model.ts";
import { REPO } from "./pack/hub-imitation.ts";
import { useHub } from "./pack/hub-test-bench.ts";
import { writeModel } from "./pack/synthetic-model.ts";
import { temporaryFolder } from "./pack/temporary-folder.ts";

const root = temporaryFolder();
const source = join(root, "tiny");
writeModel(source);
const program = ["--import", "tsx", fileURLToPath(new URL("export.ts", import.meta.url))];

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...program, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("npm run export", () => {
  it("exports, and says what it made", () => {
    const out = join(root, "export");
    const { status, stdout, stderr } = run("--source", source, "--out", out, "--dtype", "q4,fp16");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toMatch(/exporting: 100 %/);
    expect(stderr).toMatch(/model_q4\.onnx: \d\.\d MB with 1 data file\n/);
    expect(existsSync(join(out, "onnx", "model_fp16.onnx_data"))).toBe(true);
  });

  it("explains itself", () => {
    const { status, stdout } = run("--help");
    expect(status).toBe(0);
    for (const flag of ["--source", "--out", "--dtype", "--tokenizer", "--file", "--cache"]) {
      expect(stdout).toContain(flag);
    }
  });

  it.each([
    [["--dtype", "q4"], "--source is missing"],
    [["--source", "x", "--out", "y", "--dtype", "q4,q5"], "--dtype is q4,q5"],
    [["--source", join(root, "none"), "--out", join(root, "o"), "--dtype", "q4"], "none is not there"],
  ])("answers %j with one line and status 1", (args, text) => {
    const { status, stdout, stderr } = run(...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(text);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

describe("npm run export -- --source OWNER/REPO", () => {
  const bench = useHub();

  it("makes the export that the same files in a folder make", async () => {
    const out = join(bench.root, "of-hub");
    const args = ["--source", REPO, "--out", out, "--dtype", "q4", "--cache", bench.cache];
    // Not synchronous: the hub's imitation answers from this process.
    const child = spawn(process.execPath, [...program, ...args], {
      env: { ...process.env, HF_ENDPOINT: bench.hub.endpoint },
      stdio: "ignore",
    });
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
    const ofFolder = join(bench.root, "of-folder");
    await exportModel({ source: "fixtures/stress", out: ofFolder, dtypes: ["q4"] });
    for (const name of ["config.json", "onnx/model_q4.onnx", "onnx/model_q4.onnx_data"]) {
      expect(readFileSync(join(out, name)).equals(readFileSync(join(ofFolder, name)))).toBe(true);
    }
  });
});
