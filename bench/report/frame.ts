/** @file The frame of a result, filled in: where, with what, of which commit. Node only. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { extname, join } from "node:path";
import type { AdapterFacts } from "../../src/types.ts";
import { RESULT_VERSION, type Machine, type ResultFrame, type ResultKind } from "./result.ts";

/** Where results are kept. */
export const RESULTS_FOLDER = "bench/results";

/** What a benchmark says of itself; the rest is looked up. */
export type FrameChoice<K extends ResultKind> = Pick<
  ResultFrame,
  "date" | "command" | "host" | "adapter" | "model" | "notes"
> & {
  readonly kind: K;
  /** Whose versions are worth telling. */
  readonly packages: readonly string[];
};

/** Reads the working folder's package.json and Git. */
export function resultFrame<K extends ResultKind>({
  packages,
  ...said
}: FrameChoice<K>): ResultFrame & { readonly kind: K } {
  const versions = Object.fromEntries(packages.map((name) => [name, versionOf(name)]));
  return {
    schema: "strata-bench",
    version: RESULT_VERSION,
    ...said,
    commit: currentCommit(),
    machine: thisMachine(),
    versions: { "strata-embed": readVersion("package.json"), ...versions },
  };
}

export function thisMachine(): Machine {
  return {
    cpus: cpus().length,
    cpuModel: cpus()[0]?.model ?? "unknown",
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
  };
}

/** Short, with `+` behind it when files that Git knows were changed; `null` outside a checkout. */
export function currentCommit(): string | null {
  try {
    const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
    const changed = git("status", "--porcelain", "--untracked-files=no");
    return git("rev-parse", "--short", "HEAD") + (changed ? "+" : "");
  } catch {
    return null;
  }
}

/** Of an adapter, for a file's name: `google-swiftshader`, or `wasm` where there is none. */
export function adapterSlug(adapter: AdapterFacts | null): string {
  if (!adapter) return "wasm";
  const words = [adapter.vendor, adapter.architecture || adapter.description].join("-").toLowerCase();
  return words.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "unknown";
}

/**
 * Writes `<date>-<name>.json`. Node's built-ins only: benchmarks run from a bundle too.
 *
 * @param out - A folder, or the file itself. @default bench/results
 * @returns Its path.
 */
export function writeResult(result: ResultFrame, name: string, out: string = RESULTS_FOLDER): string {
  const path = extname(out) === ".json" ? out : join(out, `${result.date.slice(0, 10)}-${name}.json`);
  if (path !== out && !existsSync(out)) mkdirSync(out, { recursive: true });
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  return path;
}

function versionOf(name: string): string {
  return readVersion(join("node_modules", name, "package.json"));
}

function readVersion(path: string): string {
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
