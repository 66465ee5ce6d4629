/** @file Names of the hub: repositories, revisions, commits and files. Pure. */
import { EmbedError } from "../../src/errors.ts";
import { DEFAULT_REVISION, REPOSITORY, REVISION } from "../../src/model/hub.ts";

/** A repository at a revision. */
export interface HubId {
  /** `owner/repo`. */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

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
  const at = text.indexOf("@");
  const repo = at === -1 ? text : text.slice(0, at);
  const named = at === -1 ? undefined : text.slice(at + 1);
  if (!REPOSITORY.test(repo)) return null;
  if (named !== undefined && pinned !== undefined && named !== pinned) {
    throw new EmbedError("invalid-input", `${text} names another revision than --revision ${pinned}`);
  }
  const revision = named ?? pinned ?? DEFAULT_REVISION;
  if (!REVISION.test(revision)) {
    throw new EmbedError("invalid-input", `${JSON.stringify(revision)} is no revision of ${repo}`);
  }
  return { repo, revision };
}
