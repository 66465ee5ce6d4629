/** @file Names of the hub: repositories, revisions, commits and files. Pure. */
import { EmbedError } from "../../src/errors.ts";

/** A repository at a revision. */
export interface HubId {
  /** `owner/repo`. */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** The hub's own rule; as `..` and `--` are not allowed, `owner--repo` is a folder's name that no other repository has. */
const PART = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?";
const HUB_ID = new RegExp(`^(?!.*(?:\\.\\.|--))(${PART}/${PART})(?:@(.+))?$`);
/** What git allows in a reference's name, and no more than a path on a disk or in a URL takes. */
const REVISION = /^[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}$/;
const COMMIT = /^[0-9a-f]{40}$/;
/** Begins with no dot: our own files in the same folder do. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/;

/** Whether a revision is a full commit hash, which nobody can move. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** Whether a file of this name can be written beside ours: a plain name, no path. */
export function isFileName(name: string): boolean {
  return FILE_NAME.test(name);
}

/**
 * `owner/repo` or `owner/repo@revision`.
 *
 * @param pinned - The revision, when it is given apart. @default "main"
 * @returns `null` for a text that cannot be the name of a repository.
 * @throws {EmbedError} `invalid-input` for two different revisions, or one that git would not take.
 */
export function parseHubId(text: string, pinned?: string): HubId | null {
  const [, repo, named] = HUB_ID.exec(text) ?? [];
  if (repo === undefined) return null;
  if (named !== undefined && pinned !== undefined && named !== pinned) {
    throw new EmbedError("invalid-input", `${text} names another revision than --revision ${pinned}`);
  }
  const revision = named ?? pinned ?? "main";
  if (!REVISION.test(revision)) {
    throw new EmbedError("invalid-input", `${JSON.stringify(revision)} is no revision of ${repo}`);
  }
  return { repo, revision };
}
