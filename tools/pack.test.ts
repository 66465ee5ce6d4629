import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { tinyTensors, writeModel } from "./pack/synthetic-model.ts";
import { temporaryFolder } from "./pack/temporary-folder.ts";

const root = temporaryFolder();
const source = join(root, "tiny");
writeModel(source);
const program = ["--import", "tsx", fileURLToPath(new URL("pack.ts", import.meta.url))];

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...program, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("npm run pack", () => {
  it("packs, and says what it made", () => {
    const out = join(root, "pack");
    const { status, stdout, stderr } = run("--source", source, "--out", out, "--bits", "4", "--golden", "5");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toMatch(/packing: 100 %/);
    expect(stderr).toMatch(/pack: 8 files, 0\.1 MB\n$/);
    expect(existsSync(join(out, "manifest.json"))).toBe(true);
  });

  it("explains itself", () => {
    const { status, stdout } = run("--help");
    expect(status).toBe(0);
    for (const flag of ["--source", "--out", "--bits", "--embedding-bits", "--tokenizer", "--golden"]) {
      expect(stdout).toContain(flag);
    }
  });

  it.each([
    [["--bits", "4"], "--source is missing"],
    [["--source", "x", "--out", "y", "--bits", "5"], "--bits is 5"],
    [["--source", "x", "--out", "y", "--bits", "4", "--golden", "5,x"], "--golden is 5,x"],
    [["--sauce", "x"], "--sauce"],
    [["--source", join(root, "none"), "--out", join(root, "o"), "--bits", "4"], "none is not there"],
  ])("answers %j with one line and status 1", (args, text) => {
    const { status, stdout, stderr } = run(...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(text);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("names the tensor that is wrong, and writes nothing", () => {
    const broken = join(root, "broken");
    writeModel(broken, tinyTensors().slice(1));
    const out = join(root, "never");
    const { status, stderr } = run("--source", broken, "--out", out, "--bits", "4");
    expect(status).toBe(1);
    expect(stderr).toBe("pack: tensor embed_tokens.weight is missing (model-corrupt)\n");
    expect(existsSync(out)).toBe(false);
  });

  it("stops at Ctrl-C with status 130, keeping what was finished", async () => {
    const out = join(root, "stopped");
    // Enough known answers that the signal comes before the end.
    const golden = new Array(40).fill(500).join();
    const args = ["--source", source, "--out", out, "--bits", "4", "--golden", golden];
    const child = spawn(process.execPath, [...program, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (text: Buffer) => {
      stderr += text.toString();
      // Once: a second signal ends the process there and then.
      if (!child.killed && stderr.includes("computing")) child.kill("SIGINT");
    });
    const status = await new Promise((resolve) => child.once("close", resolve));
    expect(status).toBe(130);
    expect(stderr).toMatch(/pack: cancelled by the caller \(aborted\)\n$/);
    expect(readdirSync(out)).toEqual([".partial"]);
    expect(readdirSync(join(out, ".partial")).filter((name) => name.endsWith(".bin"))).toHaveLength(4);
  });
});
