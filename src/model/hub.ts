/** @file A pack in a repository of the Hugging Face hub, or of a mirror: where its files are. Pure. */
import type { HubSource, PackOrigin } from "../delivery.ts";
import { EmbedError } from "../errors.ts";
import { checkHeaders, type HttpPlace } from "./http-source.ts";

/** The hub itself; mirrors have its URL layout. */
export const DEFAULT_ENDPOINT = "https://huggingface.co";
/** The branch that every repository has. */
export const DEFAULT_REVISION = "main";

/** Letters, digits, `-`, `_` and `.`, which stand neither at an end nor twice in a row: the hub's own rule. */
const NAME = "(?!.*(?:--|[.][.]))[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?";
/** `owner/repo`. */
export const REPOSITORY = new RegExp(`^${NAME}/${NAME}$`);
/** What branches, tags and commits are called; `refs/pr/1` is one. */
export const REVISION = /^(?!.*(?:[.][.]|\/\/))[A-Za-z0-9_](?:[A-Za-z0-9._/+-]{0,253}[A-Za-z0-9_+-])?$/;
/** A folder: no step upwards, and nothing that would end the path of a URL. */
const FOLDER = /^(?!.*(?:^|\/)[.]{0,2}(?:\/|$))[^\\?#\p{Cc}]{1,1024}$/u;

/**
 * Where a repository's files are: `<endpoint>/<owner>/<repo>/resolve/<revision>/<path>/`.
 *
 * @throws {EmbedError} `invalid-input`, with what would be right.
 */
export function locateHub(source: HubSource): HttpPlace {
  const { hub, path, endpoint = DEFAULT_ENDPOINT, token } = source;
  const { owner, repo, revision } = parseHubId(hub);
  if (path !== undefined && !FOLDER.test(path)) {
    throw invalid("path", path, 'a folder inside the repository, like "packs/q4"');
  }
  // The slash of `refs/pr/1` would end the revision.
  const folders = [owner, repo, "resolve", revision, ...(path?.split("/") ?? [])].map(encodeURIComponent);
  const origin: PackOrigin = {
    hub,
    ...(path !== undefined && { path }),
    ...(source.endpoint !== undefined && { endpoint: source.endpoint }),
  };
  return {
    base: new URL(`${endpointUrl(endpoint).href}${folders.join("/")}/`),
    headers: token === undefined ? {} : checkHeaders({ Authorization: `Bearer ${token}` }),
    origin,
    refusalHint: hintOf(hub, token),
  };
}

interface HubId {
  readonly owner: string;
  readonly repo: string;
  readonly revision: string;
}

function parseHubId(hub: string): HubId {
  const at = hub.indexOf("@");
  const name = at === -1 ? hub : hub.slice(0, at);
  const [owner = "", repo = ""] = name.split("/");
  const revision = at === -1 ? DEFAULT_REVISION : hub.slice(at + 1);
  if (REPOSITORY.test(name) && REVISION.test(revision)) return { owner, repo, revision };
  throw invalid("hub", hub, '"owner/repo" or "owner/repo@revision", like "Qwen/Qwen3-Embedding-0.6B@main"');
}

function endpointUrl(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  const plain = url && /^https?:$/.test(url.protocol) && url.username + url.password + url.search + url.hash === "";
  if (!plain) throw invalid("endpoint", endpoint, `a hub's absolute URL, like "${DEFAULT_ENDPOINT}"`);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

function invalid(field: string, value: string, right: string): EmbedError {
  return new EmbedError("invalid-input", `model source: ${field} is ${JSON.stringify(value)}, must be ${right}`, {
    details: { field, value },
  });
}

/** The hub says 401 of repositories that are not there, too. */
function hintOf(hub: string, token: string | undefined): string {
  return token === undefined
    ? `${hub} is private, gated or not there; a token may be needed`
    : `${hub} is not there, or not for this token`;
}
