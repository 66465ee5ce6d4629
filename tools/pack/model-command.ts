/** @file What the commands that take a model have in common: flags, Ctrl-C, errors, a source that may be a repository. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { EmbedError } from "../../src/errors.ts";
import { hubAccess } from "./hub-client.ts";
import { repositoryFolder } from "./hub-cache.ts";
import { downloadModel } from "./hub-download.ts";
import { parseHubId } from "./hub-id.ts";
import { ProgressLine } from "./progress.ts";

/** Beside what is made and not in it: that folder is what one serves. */
const CACHE = ".strata-hub";

/** Exit status after Ctrl-C, as shells count it. */
const INTERRUPTED = 130;

/** Ends the usage of each such command. */
export const REPOSITORY_USAGE = `Of a repository:
  --file NAME.gguf          this GGUF file instead of the safetensors
  --cache DIR               where downloads stay, for the next run too (default: ${CACHE} beside --out)
  HF_ENDPOINT=URL           a mirror with the hub's URL layout
  HF_TOKEN=TOKEN            for a repository that is not public; sent to the endpoint only, and never stored
`;

/** Values by flag, without the dashes; what is empty counts as not given. */
export type Flags<Name extends string> = Readonly<Partial<Record<Name, string>>>;

export interface CommandRun {
  readonly signal: AbortSignal;
  readonly line: ProgressLine;
}

/** A command as its user types it. */
export interface Command<Name extends string> {
  readonly name: string;
  /** What `--help` says. */
  readonly usage: string;
  /** Each takes a value. */
  readonly flags: readonly Name[];
}

/**
 * Runs a command to its end, and says on stderr what came of it. Ctrl-C aborts the work; an `EmbedError` is one line.
 *
 * @param work - Returns the lines to say at the end.
 * @returns The process's exit status.
 */
export async function runCommand<Name extends string>(
  { name, usage, flags }: Command<Name>,
  work: (flags: Flags<Name>, run: CommandRun) => Promise<readonly string[]>,
): Promise<number> {
  const interruption = new AbortController();
  process.once("SIGINT", () => interruption.abort());
  const line = new ProgressLine(process.stderr);
  try {
    const { help, ...given } = parseFlags(flags);
    if (help) {
      process.stdout.write(usage);
      return 0;
    }
    const said = await work(given as Flags<Name>, { signal: interruption.signal, line });
    line.end();
    for (const text of said) process.stderr.write(`${text}\n`);
    return 0;
  } catch (error) {
    line.end();
    if (!(error instanceof EmbedError)) throw error;
    process.stderr.write(`${name}: ${error.message} (${error.code})\n`);
    return error.code === "aborted" ? INTERRUPTED : 1;
  }
}

function parseFlags(flags: readonly string[]): Readonly<Record<string, string | boolean>> {
  const texts = flags.map((flag) => [flag, { type: "string" }] as const);
  try {
    const { values } = parseArgs({ options: { ...Object.fromEntries(texts), help: { type: "boolean" } } });
    // An empty one is none.
    return Object.fromEntries(Object.entries<string | boolean | undefined>(values).filter(isGiven));
  } catch (cause) {
    throw new EmbedError("invalid-input", (cause as Error).message, { cause });
  }
}

function isGiven(entry: readonly [string, string | boolean | undefined]): entry is [string, string | boolean] {
  return entry[1] !== undefined && entry[1] !== "";
}

/** @throws {EmbedError} `invalid-input`, naming the flag, where it was not given. */
export function required<Name extends string>(flags: Flags<Name>, flag: Name): string {
  const value = flags[flag];
  if (value === undefined) throw new EmbedError("invalid-input", `--${flag} is missing; see --help`);
  return value;
}

/** Where a model is to be found. */
export interface WantedSource extends Flags<"revision" | "file" | "cache"> {
  readonly source: string;
  readonly out: string;
}

/** A model on this machine. */
export interface FoundSource {
  readonly path: string;
  /** Where it was downloaded from; `null` when the source is a path. */
  readonly repository: { readonly repo: string; readonly commit: string } | null;
}

/**
 * The source as it is when it is a path, else downloaded; a path wins over a repository of the same name.
 *
 * @param how - `beforeDownload` may refuse: it gets the folder in which the repository's commits will lie.
 * @throws {EmbedError} What the download throws; `invalid-input` for flags of a repository where there is none.
 */
export async function locateSource(
  { source, out, revision, ...flags }: WantedSource,
  { signal, line, beforeDownload }: CommandRun & { readonly beforeDownload?: (folder: string) => void },
): Promise<FoundSource> {
  const id = existsSync(source) ? null : parseHubId(source, revision);
  if (!id) {
    for (const flag of ["file", "cache"] as const) {
      if (flags[flag]) throw new EmbedError("invalid-input", `--${flag} is for a repository, --source is a path`);
    }
    return { path: source, repository: null };
  }
  const { file = null, cache = join(dirname(resolve(out)), CACHE) } = flags;
  const access = hubAccess(process.env);
  beforeDownload?.(repositoryFolder(cache, id.repo));
  line.note(`${source} is no path: taken as a repository of ${access.endpoint}`);
  const { path, commit } = await downloadModel({
    ...id,
    access,
    cache,
    gguf: file,
    signal,
    onProgress: (step) => line.update(step),
    onNote: (note) => line.note(note),
  });
  return { path, repository: { repo: id.repo, commit } };
}
