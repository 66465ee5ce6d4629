import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
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
