/** @file Where downloads of one repository stay: a folder a commit, what the hub said of it, and one run at a time. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { EmbedError } from "../../src/errors.ts";
import { isCommit } from "./hub-id.ts";
import type { HubFile } from "./hub-listing.ts";

const LOCK = ".lock";
const REVISIONS = ".revisions.json";
const LISTING = ".listing.json";

/** A revision when it was last asked for. */
export interface KnownRevision {
  readonly commit: string;
  /** ISO 8601. */
  readonly askedAt: string;
}

interface Stored<T> {
  /** What one server says is not taken for another's word. */
  readonly endpoint: string;
  readonly value: T;
}

/** The downloads of one repository, locked for this process. */
export class HubCache {
  readonly #folder: string;
  readonly #endpoint: string;

  /**
   * Opens the repository's folder for this process alone.
   *
   * @throws {EmbedError} `storage-busy` while another process downloads to it.
   */
  constructor(root: string, repo: string, endpoint: string) {
    this.#folder = repositoryFolder(root, repo);
    this.#endpoint = endpoint;
    mkdirSync(this.#folder, { recursive: true });
    this.#lock();
  }

  /** Lets others in, and leaves no folder of a repository that does not exist. */
  close(): void {
    rmSync(join(this.#folder, LOCK), { force: true });
    if (readdirSync(this.#folder).length === 0) rmdirSync(this.#folder);
  }

  /** Makes the folder of a commit's files. */
  folder(commit: string): string {
    const folder = join(this.#folder, commit);
    mkdirSync(folder, { recursive: true });
    // Wherever the cache lies, its gigabytes are nothing to commit.
    writeFileSync(join(this.#folder, ".gitignore"), "*\n");
    return folder;
  }

  revision(name: string): KnownRevision | null {
    return this.#revisions()[name] ?? null;
  }

  keepRevision(name: string, commit: string): void {
    const revisions = { ...this.#revisions(), [name]: { commit, askedAt: new Date().toISOString() } };
    this.#write(join(this.#folder, REVISIONS), revisions);
  }

  /** What a commit holds, as the hub said it: it never changes. */
  listing(commit: string): readonly HubFile[] | null {
    return this.#read<readonly HubFile[]>(join(this.#folder, commit, LISTING));
  }

  keepListing(commit: string, files: readonly HubFile[]): void {
    this.#write(join(this.folder(commit), LISTING), files);
  }

  /**
   * Takes a file over that another commit has under the same name with the same hash; whether its bytes are still those,
   * has to be checked. As a hard link it takes no space.
   */
  borrow(commit: string, { name, hash }: HubFile): void {
    const path = join(this.#folder, commit, name);
    for (const other of readdirSync(this.#folder).filter((entry) => isCommit(entry) && entry !== commit)) {
      const candidate = join(this.#folder, other, name);
      const isSame = this.listing(other)?.some((file) => file.name === name && file.hash.hex === hash.hex);
      if (!isSame || existsSync(path) || !existsSync(candidate)) continue;
      try {
        linkSync(candidate, path);
      } catch {
        // A file system without hard links: the file is downloaded.
      }
    }
  }

  #revisions(): Readonly<Record<string, KnownRevision>> {
    return this.#read<Record<string, KnownRevision>>(join(this.#folder, REVISIONS)) ?? {};
  }

  /** null where there is nothing that can be read: the hub is asked again. */
  #read<T>(path: string): T | null {
    try {
      const { endpoint, value } = JSON.parse(readFileSync(path, "utf8")) as Stored<T>;
      return endpoint === this.#endpoint ? value : null;
    } catch {
      return null;
    }
  }

  #write(path: string, value: unknown): void {
    writeFileSync(`${path}.tmp`, JSON.stringify({ endpoint: this.#endpoint, value } satisfies Stored<unknown>));
    renameSync(`${path}.tmp`, path);
  }

  /** Two processes that write one partial file would spoil it for both. */
  #lock(): void {
    const path = join(this.#folder, LOCK);
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
      const owner = Number(readFileSync(path, "utf8"));
      if (owner !== process.pid && isRunning(owner)) {
        const message = `process ${owner} is downloading to ${this.#folder}; if it is not, delete ${LOCK} there`;
        throw new EmbedError("storage-busy", message, { details: { process: owner }, cause });
      }
      // Of a process that was killed, in a container perhaps with the number that this one has.
      rmSync(path, { force: true });
      writeFileSync(path, String(process.pid), { flag: "wx" });
    }
  }
}

/** Where downloads of a repository stay. No other repository has the name, as none has `--` in its own. */
export function repositoryFolder(root: string, repo: string): string {
  return join(root, repo.replace("/", "--"));
}

function isRunning(process_: number): boolean {
  if (!Number.isInteger(process_) || process_ <= 0) return false;
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
