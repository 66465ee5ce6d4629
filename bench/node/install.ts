/** @file Installs the `webgpu` package where it is missing: 132 MB that no visitor of the page needs. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));

/** Whether `npm ci` was run in this folder. */
export function hasDawn(): boolean {
  return existsSync(new URL("node_modules/webgpu/package.json", import.meta.url));
}

/** Runs `npm ci` in this folder where that was not done yet, and says so. Ends the process when it fails. */
export function installDawn(): void {
  if (hasDawn()) return;
  process.stderr.write("installing the package webgpu (Dawn, 132 MB) into bench/node/node_modules\n");
  // Its install script only takes a quarantine mark off on macOS.
  const args = ["ci", "--no-audit", "--no-fund", ...(process.platform === "darwin" ? [] : ["--ignore-scripts"])];
  const { status } = spawnSync("npm", args, { cwd: FOLDER, stdio: "inherit", shell: process.platform === "win32" });
  if (status === 0) return;
  process.stderr.write("bench:node: `npm ci` in bench/node failed\n");
  process.exit(1);
}
