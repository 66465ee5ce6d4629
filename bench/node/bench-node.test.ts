import { fork } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { exportModel } from "../../tools/export/export-model.ts";
import { packSynthetic } from "../../tools/pack/synthetic-pack.ts";
import { temporaryFolder } from "../../tools/pack/temporary-folder.ts";
import type { NodeResult } from "../report/node-result.ts";
import type { CellOrder, CellReport } from "./cell.ts";
import { hasDawn } from "./install.ts";
import { CELL_FLAG } from "./run-bench.ts";

/** Comes with Debian's Chromium, which the other tests need anyway. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";
const ENTRY = fileURLToPath(new URL("../node.ts", import.meta.url));
const driver = process.env["VK_ICD_FILENAMES"] ?? (existsSync(SWIFTSHADER) ? SWIFTSHADER : null);

/** Why WebGPU under Node cannot be tested here; `null` when it can. */
const reason = !hasDawn()
  ? "the package webgpu is not installed (npm run bench:node installs it)"
  : driver === null
    ? `no Vulkan driver is named in VK_ICD_FILENAMES, and ${SWIFTSHADER} is not there`
    : null;
if (reason) process.stderr.write(`WebGPU under Node: skipped, ${reason}\n`);

const folder = temporaryFolder();

/** A process of its own: Dawn's threads would keep this one. */
function run(args: readonly string[], driverFile: string): Promise<{ code: number | null; reports: CellReport[] }> {
  const reports: CellReport[] = [];
  const child = fork(ENTRY, args, {
    execArgv: ["--import", "tsx"],
    env: { ...process.env, VK_ICD_FILENAMES: driverFile },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  child.on("message", (report) => reports.push(report as CellReport));
  return new Promise((resolve) => {
    child.on("exit", (code) => resolve({ code, reports }));
  });
}

describe.skipIf(reason !== null)("the benchmark under Node", () => {
  it("gives a pack's known answers on Dawn, and the peer's graph gives the same vectors", async () => {
    const pack = join(folder, "line");
    await packSynthetic({ shape: "line", bits: 4, embeddingBits: 8, out: pack, golden: [5, 40] });
    await exportModel({ source: pack, out: join(folder, "export"), dtypes: ["q4"] });
    const order: CellOrder = {
      shape: "line",
      pack,
      export: { folder: join(folder, "export"), file: "model_q4.onnx" },
      bits: 4,
      activations: "f32",
      lengths: [[8], [3, 40, 17]],
      rounds: 1,
      workloadSeconds: 1,
      batchSize: 2,
      // Subgroups of four are what ONNX Runtime's attention is wrong with.
      peerFeatures: "narrow",
      vramBudgetBytes: null,
    };
    const { code, reports } = await run([CELL_FLAG, JSON.stringify(order)], driver!);
    expect(code).toBe(0);
    const { strata, peer, workloads } = reports.at(-1)!;
    // As of the self-check: kernels that are right stay below 1e-6.
    expect(strata.golden!.maxAbsDiff).toBeLessThan(2e-5);
    expect(peer.golden!.maxAbsDiff).toBeLessThan(2e-5);
    expect(workloads.map(({ title }) => title)).toEqual(["1 × 8", "3 × mixed"]);
    for (const { entries } of workloads) {
      expect(entries.map(({ failure }) => failure)).toEqual([null, null]);
      expect(entries[1]!.againstStrata!.maxAbsDiff).toBeLessThan(2e-5);
      expect(entries.every(({ peakVramBytes, idleVramBytes }) => peakVramBytes! > idleVramBytes!)).toBe(true);
    }
  }, 180_000);

  it("measures a product and a copy that are the CPU's, and leaves a result", async () => {
    const out = join(folder, "roofline.json");
    const { code } = await run(["--only", "roofline", "--out", out], driver!);
    expect(code).toBe(0);
    const { kind, roofline, adapter } = JSON.parse(readFileSync(out, "utf8")) as NodeResult;
    expect(kind).toBe("node");
    expect(roofline.f32!.flopsPerSecond).toBeGreaterThan(0);
    expect(roofline.f16 !== null).toBe(adapter!.shaderF16);
    expect(roofline.copy!.bytesPerSecond).toBeGreaterThan(0);
  }, 120_000);

  it("ends with a code of its own where there is no adapter, and runs on nothing else", async () => {
    const { code } = await run(["--only", "roofline"], join(folder, "no-driver.json"));
    expect(code).toBe(3);
  }, 60_000);
});
