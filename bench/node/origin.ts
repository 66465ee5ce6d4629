/** @file Where the benchmark runs from: the repository, or a bundle that says of itself what it was built from. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { currentCommit, RESULTS_FOLDER } from "../report/frame.ts";
import { dawnVersion } from "./dawn.ts";

/** In a bundle, beside its entry. */
export const BUILD_FILE = "build.json";

export interface Origin {
  /** Has `public/models/nano-q4` and `fixtures/stress`. */
  readonly root: string;
  /** The script that a child process is to run. */
  readonly entry: string;
  readonly commit: string | null;
  /** Package versions by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Where results are written unless told. */
  readonly results: string;
  /** That make a run again, without their flags. */
  readonly command: string;
}

/** What a bundle knows of itself. */
export type Build = Pick<Origin, "commit" | "versions">;

/** @param entry - URL of the script that was started: `bench/node.ts`, or a bundle's `bench.mjs`. */
export function originOf(entry: string): Origin {
  const path = fileURLToPath(entry);
  const buildFile = join(dirname(path), BUILD_FILE);
  if (existsSync(buildFile)) {
    const build = JSON.parse(readFileSync(buildFile, "utf8")) as Build;
    return {
      root: dirname(path),
      entry: path,
      results: join(dirname(path), "results"),
      command: "node bench.mjs",
      ...build,
    };
  }
  const root = join(dirname(path), "..");
  return { root, entry: path, results: RESULTS_FOLDER, command: "npm run bench:node --", ...repositoryBuild(root) };
}

/** @param root - Of the repository, which is the working folder too. */
export function repositoryBuild(root: string): Build {
  const versionIn = (folder: string): string => {
    const json = readFileSync(join(root, folder, "package.json"), "utf8");
    return (JSON.parse(json) as { version: string }).version;
  };
  const webgpu = dawnVersion();
  return {
    commit: currentCommit(),
    versions: {
      "strata-embed": versionIn("."),
      "onnxruntime-web": versionIn("node_modules/onnxruntime-web"),
      ...(webgpu !== null && { webgpu }),
    },
  };
}
