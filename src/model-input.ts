/** @file Where a pack comes from, checked before anything is sent or started. Pure; no error names a token or a header's value. */
import type { FolderSource, HubSource, ModelSource, SourceHeaders, StoredSource, UrlSource } from "./delivery.ts";
import { EmbedError } from "./errors.ts";
import type { PageFetch } from "./thread/fetch-bridge.ts";
import { describe, wrongType } from "./wrong-type.ts";

/** Fields of a source by the one that makes its kind. */
const FIELDS = {
  url: ["url", "headers"],
  hub: ["hub", "path", "endpoint", "token"],
  folder: ["folder"],
  stored: ["stored"],
} as const;

type Kind = keyof typeof FIELDS;

/** The hub's own rules, without the lengths; a revision is a branch, a tag or a commit. */
const HUB_ID = /^[\w.-]+\/[\w.-]+(@[\w./+-]+)?$/;

/** Of a header's name, as HTTP defines it. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/** What a header's value may not have: line breaks would start another header, the others no header can carry. */
const NOT_IN_HEADERS = /[\0\r\n]|[^\0-\xff]/;

/**
 * Makes one of the four sources of what a caller gives, as plain values that can be sent.
 *
 * @param model - A source; a text or `URL` is the URL of the pack's folder.
 * @param baseUrl - What a relative URL is relative to; `undefined` outside a page.
 * @throws {EmbedError} `invalid-input` with the option.
 */
export function checkModelSource(model: string | URL | ModelSource, baseUrl: string | undefined): ModelSource {
  if (typeof model === "string" || model instanceof URL) return { url: folderUrl("model", model, baseUrl) };
  if (typeof model !== "object" || model === null) throw noFolderUrl("model", model);
  switch (kindOf(model)) {
    case "url":
      return checkUrlSource(model as UrlSource, baseUrl);
    case "hub":
      return checkHubSource(model as HubSource);
    case "folder":
      return { folder: checkFolder((model as FolderSource).folder) };
    case "stored":
      return { stored: checkText("model.stored", (model as StoredSource).stored) };
  }
}

/** @throws {EmbedError} `invalid-input` for what is no function. */
export function checkFetch(fetch: PageFetch | undefined): PageFetch | undefined {
  if (fetch === undefined || typeof fetch === "function") return fetch;
  throw wrongType("fetch is not a function", fetch, { option: "fetch" });
}

function kindOf(model: ModelSource): Kind {
  const given = Object.entries(model).flatMap(([field, value]) => (value === undefined ? [] : [field]));
  const kinds = (Object.keys(FIELDS) as Kind[]).filter((kind) => given.includes(kind));
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    const names = Object.keys(FIELDS).join(", ");
    const message = `model has ${kinds.join(" and ") || "none"} of ${names}; a source has exactly one`;
    throw new EmbedError("invalid-input", message, { details: { option: "model", given: kinds } });
  }
  const allowed: readonly string[] = FIELDS[kind];
  const unknown = given.find((field) => !allowed.includes(field));
  if (unknown === undefined) return kind;
  const message = `model.${unknown} is no option of a source with ${kind}; there are ${allowed.join(", ")}`;
  throw new EmbedError("invalid-input", message, { details: { option: `model.${unknown}`, allowed } });
}

function checkUrlSource({ url, headers }: UrlSource, baseUrl: string | undefined): UrlSource {
  const absolute = folderUrl("model.url", url, baseUrl);
  return headers === undefined ? { url: absolute } : { url: absolute, headers: checkHeaders(headers) };
}

function checkHubSource({ hub, path, endpoint, token }: HubSource): HubSource {
  if (typeof hub !== "string" || !HUB_ID.test(hub) || hub.split(/[/@]/).some(leadsAway)) {
    throw refused("model.hub", hub, "owner/repo or owner/repo@revision");
  }
  return {
    hub,
    ...(path !== undefined && path !== "" && { path: checkPath(path) }),
    ...(endpoint !== undefined && { endpoint: checkEndpoint(endpoint) }),
    ...(token !== undefined && { token: checkSecret("model.token", token) }),
  };
}

/** Without a slash at the end. */
function checkPath(path: string): string {
  const trimmed = typeof path === "string" ? path.replace(/\/$/, "") : "";
  if (trimmed === "" || trimmed.split("/").some(leadsAway)) {
    throw refused("model.path", path, "a folder inside the repository");
  }
  return trimmed;
}

/** A part of a path that is empty, or means another folder than its name says. */
function leadsAway(part: string): boolean {
  return /^\.{0,2}$/.test(part);
}

function checkEndpoint(endpoint: string): string {
  const url = typeof endpoint === "string" && URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw refused("model.endpoint", endpoint, "an absolute http or https URL");
  }
  return withoutUser("model.endpoint", url).href;
}

function checkHeaders(headers: SourceHeaders | Headers): SourceHeaders {
  // A framework may hand over its own; as an object it would look empty.
  if (typeof headers !== "object" || headers === null) throw noHeaders("is no object");
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers);
  for (const [name, value] of entries) {
    if (!HEADER_NAME.test(name)) throw noHeaders("has a name that no header can have");
    checkSecret(`model.headers.${name}`, value);
  }
  return Object.fromEntries(entries);
}

/** Without what was given: a value may have slipped into a name. */
function noHeaders(fault: string): EmbedError {
  return new EmbedError("invalid-input", `model.headers ${fault}`, { details: { option: "model.headers" } });
}

/** The value stays out of the error. */
function checkSecret(option: string, value: string): string {
  if (typeof value === "string" && value !== "" && !NOT_IN_HEADERS.test(value)) return value;
  const message = `${option} is not a text that a header can carry: no line breaks, nothing beyond Latin-1, not empty`;
  throw new EmbedError("invalid-input", message, { details: { option } });
}

/** Lists of files become arrays, which can be sent as they are. */
function checkFolder(folder: FolderSource["folder"] | FileList): FolderSource["folder"] {
  const { FileSystemDirectoryHandle: Handle } = globalThis;
  if (Handle !== undefined && folder instanceof Handle) return folder;
  const isList = typeof folder === "object" && folder !== null && "length" in folder;
  const files = isList ? Array.from(folder) : [];
  if (files.length > 0 && files.every((file) => file instanceof File)) return files;
  throw refused("model.folder", isList ? `${files.length} entries` : folder, "a directory's handle or its files");
}

function checkText(option: string, value: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw refused(option, value, "the id or the name of a stored pack");
}

/** With a slash at the end, so that file names resolve inside the folder. */
function folderUrl(option: string, value: string | URL, baseUrl: string | undefined): string {
  const text = value instanceof URL ? value.href : value;
  if (typeof text !== "string" || text === "" || !URL.canParse(text, baseUrl)) throw noFolderUrl(option, value);
  const url = withoutUser(option, new URL(text, baseUrl));
  // A path of Windows passes for a URL, too.
  if (!/^(https?|blob):$/.test(url.protocol)) throw noFolderUrl(option, value);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url.href;
}

/** `fetch` takes no URL with a password in it, and an error may not show one. */
function withoutUser(option: string, url: URL): URL {
  if (url.username === "" && url.password === "") return url;
  const message = `${option} has a user or password in it: they belong in a header`;
  throw new EmbedError("invalid-input", message, { details: { option } });
}

function noFolderUrl(option: string, value: unknown): EmbedError {
  return refused(option, value, "the URL of a pack's folder");
}

/** A URL that cannot be read may still have a password in it: it stays out of the error. */
function refused(option: string, value: unknown, wanted: string): EmbedError {
  const secret = typeof value === "string" && /:\/\/.*@/.test(value);
  const message = `${option} is ${secret ? "a URL with a user in it" : describe(value)}, not ${wanted}`;
  return new EmbedError("invalid-input", message, { details: { option, ...(!secret && { value }) } });
}
