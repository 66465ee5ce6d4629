import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../tools/pack/temporary-folder.ts";
import { buildBundle } from "./build-bundle.ts";
import { hasDawn } from "./install.ts";

/** As the issue has it. */
const MOST_BYTES = 60e6;

const reason = hasDawn() ? null : "the package webgpu is not installed (npm run bench:bundle installs it)";
if (reason) process.stderr.write(`the bundle of the Node benchmark: skipped, ${reason}\n`);

describe.skipIf(reason !== null)("buildBundle", () => {
  it("makes a folder that has all it needs and that Node runs as it is", async () => {
    const folder = temporaryFolder();
    const out = join(folder, "strata-bench");
    await buildBundle(out);
    const files = [
      "README.md",
      "LICENSE",
      "pack.worker.mjs",
      "public/models/nano-q4/manifest.json",
      "fixtures/stress/model.safetensors",
      "node_modules/webgpu/dist/linux-x64/dawn.node",
      "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm",
      "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.jspi.wasm",
    ];
    expect(files.filter((file) => !existsSync(join(out, file)))).toEqual([]);
    // A folder without packages of its own, and none above it.
    const help = spawnSync(process.execPath, [join(out, "bench.mjs"), "--help"], { cwd: folder, encoding: "utf8" });
    expect(help.stdout).toContain("--size small|full");
    expect(help.status).toBe(0);
    expect(readFileSync(join(out, "bench.mjs"), "utf8")).not.toMatch(/\bfrom "(?!node:)[^.]/);
    const archive = execFileSync("tar", ["-cz", "-C", out, "."], { maxBuffer: 2 * MOST_BYTES });
    expect(archive.length).toBeLessThan(MOST_BYTES);
  }, 180_000);
});
