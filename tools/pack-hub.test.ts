import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import type { PackManifest } from "../src/pack.ts";
import { REPO } from "./pack/hub-imitation.ts";
import { COMMIT, FILES, FIRST, LATER, SECOND, useHub, WANTED } from "./pack/hub-test-bench.ts";
import { packModel } from "./pack/pack-model.ts";
import { openSource } from "./pack/source.ts";
import { encodeGguf, ggufName, ggufTensor, qwen3Metadata } from "./pack/synthetic-gguf.ts";
import { readTensorRows } from "./pack/tensor-rows.ts";

const bench = useHub();
const program = ["--import", "tsx", fileURLToPath(new URL("pack.ts", import.meta.url))];
const KEPT = 123_456;

interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

/** The command, with the imitation as its hub. */
function start(...args: string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const env = { ...process.env, HF_ENDPOINT: bench.hub.endpoint, HF_TOKEN: "hf_secret" };
  const common = ["--out", `${bench.cache}-pack`, "--bits", "4", "--golden", "5", "--cache", bench.cache];
  const child = spawn(process.execPath, [...program, ...common, ...args], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
  return { child, ended: new Promise((resolve) => child.once("close", (status) => resolve({ status, stderr }))) };
}

const run = (...args: string[]) => start(...args).ended;

/** Ends the command when so many bytes of a shard are on the disk. */
async function stopInMidFile(signal: "SIGKILL" | "SIGINT"): Promise<Ended> {
  bench.addFaults({ file: FIRST, kind: "gate", at: KEPT }, { file: SECOND, kind: "gate", at: KEPT });
  const { child, ended } = start("--source", REPO);
  await bench.hub.storage.held("x");
  await vi.waitUntil(() => [FIRST, SECOND].every((file) => bench.partialBytes(file) === KEPT), { timeout: 20_000 });
  child.kill(signal);
  const result = await ended;
  bench.hub.storage.clear("x");
  return result;
}

/** The stress model in one file. */
function stressGguf(): Buffer {
  const { architecture, tensors } = openSource("fixtures/stress", null);
  const encoded = [...tensors].map(([name, tensor]) => {
    const { shape } = tensor;
    const values = readTensorRows(tensor, { firstRow: 0, rows: shape.length === 1 ? 1 : shape[0]! });
    return ggufTensor(ggufName(name), { values, shape }, shape.length === 1 ? "F32" : "Q8_0");
  });
  return encodeGguf({ metadata: qwen3Metadata(architecture, 1), tensors: encoded });
}

const readManifest = (folder: string) =>
  JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as PackManifest;

describe("npm run pack -- --source OWNER/REPO", () => {
  it("makes the pack that the same files in a folder make, but for where they come from", async () => {
    bench.hub.token = "hf_secret";
    const out = join(bench.root, "of-hub");
    const { status, stderr } = await run("--source", `${REPO}@main`, "--out", out, "--cache", "");
    expect(stderr).toContain(`${REPO}@main is no path: taken as a repository of ${bench.hub.endpoint}`);
    expect(stderr).toMatch(/downloading: 100 %, 1\.2 of 1\.2 MB/);
    expect(stderr).not.toContain("hf_secret");
    expect(status).toBe(0);
    expect(readdirSync(join(bench.root, ".strata-hub")).sort()).toEqual(["acme--stress"]);
    const folder = join(bench.root, "folder");
    mkdirSync(folder);
    for (const name of WANTED) writeFileSync(join(folder, name), FILES.get(name)!);
    const local = join(bench.root, "of-folder");
    await packModel({ source: folder, out: local, bits: 4, embeddingBits: 8, name: "stress-q4", golden: [5] });
    const { source, ...rest } = readManifest(out);
    const { source: localSource, ...localRest } = readManifest(local);
    expect(rest).toEqual(localRest);
    expect(source).toEqual({ ...localSource, repo: REPO, revision: COMMIT });
    const names = readdirSync(out).filter((name) => !/^manifest|journal/.test(name));
    expect(names).toContain("README.md");
    for (const name of names) expect(readFileSync(join(out, name)).equals(readFileSync(join(local, name)))).toBe(true);
  });

  it("packs a GGUF file of a repository", async () => {
    bench.hub.addCommit(LATER, new Map([["stress-q8.gguf", stressGguf()]]));
    const { status, stderr } = await run("--source", REPO, "--revision", LATER, "--file", "stress-q8.gguf");
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const { name, source } = readManifest(`${bench.cache}-pack`);
    expect(name).toBe("stress-q4");
    expect(source).toMatchObject({ repo: REPO, revision: LATER });
    expect(Object.keys(source.sha256)).toEqual(["stress-q8.gguf"]);
  });

  it("goes on after SIGKILL from the last byte on the disk", async () => {
    expect(await stopInMidFile("SIGKILL")).toMatchObject({ status: null });
    const { status, stderr } = await run("--source", REPO);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect([bench.starts(FIRST), bench.starts(SECOND)]).toEqual([[KEPT], [KEPT]]);
  });

  it("keeps what is there at Ctrl-C", async () => {
    const stopped = await stopInMidFile("SIGINT");
    expect(stopped).toMatchObject({ status: 130, stderr: expect.stringMatching(/\(aborted\)\n$/) });
    expect([FIRST, SECOND].map((file) => bench.partialBytes(file))).toEqual([KEPT, KEPT]);
  });

  it("says in one line what is wrong, and writes no pack", async () => {
    bench.hub.token = "hf_another";
    const { status, stderr } = await run("--source", REPO);
    expect(status).toBe(1);
    expect(stderr).toMatch(/HTTP 401: HF_TOKEN is set, but may not read it.*\(model-fetch-failed\)\n$/);
    expect(stderr).not.toContain("hf_secret");
    expect(existsSync(`${bench.cache}-pack`)).toBe(false);
  });

  it.each(["--file", "--cache"])("takes a path before a repository, and no %s with it", async (flag) => {
    const { status, stderr } = await run("--source", "fixtures/stress", "--cache", "", flag, "x");
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`${flag} is for a repository`),
    });
    expect(bench.hub.requests).toEqual([]);
  });

  it.each([
    ["a tokenizer that is not there", ["--tokenizer", "none"], "tokenizer.json is missing"],
    ["the folder of a commit as --out", [], "holds the source"],
  ])("refuses %s before it asks for anything", async (_, flags, message) => {
    const out = join(bench.cache, "acme--stress", COMMIT);
    const { status, stderr } = await run("--source", REPO, ...(flags.length > 0 ? flags : ["--out", out]));
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining(message) });
    expect(bench.hub.requests).toEqual([]);
  });
});
