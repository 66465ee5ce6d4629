/**
 * @file `npm run bench:bundle`: the Node benchmark as a folder and an archive that run with a bare Node on linux-x64,
 * without a browser, npm or network. Command line only; the work is in `bench/node/build-bundle.ts`.
 */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { parseArgs } from "node:util";
import { buildBundle, folderBytes } from "./node/build-bundle.ts";
import { installDawn } from "./node/install.ts";

const USAGE = `Usage: npm run bench:bundle -- [--out DIR]

  --out DIR   the folder, written anew; the archive is DIR.tar.gz (default: dist/strata-bench)
`;

const { values } = parseArgs({
  options: { out: { type: "string", default: "dist/strata-bench" }, help: { type: "boolean" } },
});

if (values.help) {
  process.stdout.write(USAGE);
} else {
  installDawn();
  await buildBundle(values.out);
  process.exitCode = archive(values.out);
}

/** @returns The exit code. */
function archive(folder: string): number {
  const file = `${folder}.tar.gz`;
  const { status } = spawnSync("tar", ["-czf", file, "-C", dirname(folder), basename(folder)], { stdio: "inherit" });
  if (status !== 0) {
    process.stderr.write("bench:bundle: tar failed\n");
    return 1;
  }
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  process.stdout.write(`${folder}: ${mb(folderBytes(folder))}\n${file}: ${mb(statSync(file).size)}\n`);
  return 0;
}
