import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "./pack/temporary-folder.ts";

const root = temporaryFolder();
const program = ["--import", "tsx", fileURLToPath(new URL("pack-synthetic.ts", import.meta.url))];

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...program, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("npm run pack:synthetic", () => {
  it("writes a pack, and says what it made", () => {
    const out = join(root, "pack");
    const { status, stdout, stderr } = run("--shape", "line", "--out", out, "--layers", "2", "--golden", "4");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toMatch(/packing: 100 %/);
    expect(stderr).toMatch(/computing known answers: 100 %/);
    expect(stderr).toMatch(/pack: 8 files, 0\.1 MB\n$/);
    expect(readdirSync(out)).toContain("layer-01.bin");
  });

  it("explains itself", () => {
    const { status, stdout } = run("--help");
    expect(status).toBe(0);
    for (const flag of ["--shape", "--out", "--bits", "--embedding-bits", "--layers", "--seed", "--golden"]) {
      expect(stdout).toContain(flag);
    }
  });

  it.each([
    [["--shape", "5b"], "--shape is 5b"],
    [["--shape", "line"], "--out is missing"],
    [["--shape", "line", "--out", "x", "--bits", "5"], "--bits is 5"],
    [["--shape", "line", "--out", "x", "--layers", "0"], "--layers is 0"],
    [["--shape", "line", "--out", "x", "--golden", "none"], "--golden is none"],
    [["--sauce", "x"], "--sauce"],
  ])("answers %j with one line and status 1", (args, text) => {
    const { status, stdout, stderr } = run(...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(text);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
