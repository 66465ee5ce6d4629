/** @file Packs in repositories of a hub: where they are, and who gets to see the token. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startFaultServer, type FaultServer } from "../../tools/fault-server.ts";
import type { HubSource } from "../delivery.ts";
import { makeTinyPack } from "./fixtures/tiny-pack.ts";
import { locateHub } from "./hub.ts";
import { openPackSource } from "./source.ts";

const { manifest, contents } = makeTinyPack(4);
const layer = manifest.files.find(({ name }) => name === "layer-00.bin")!;

describe("locateHub", () => {
  it.each<[HubSource, string]>([
    [{ hub: "Qwen/Qwen3-Embedding-0.6B" }, "https://huggingface.co/Qwen/Qwen3-Embedding-0.6B/resolve/main/"],
    [{ hub: "a/b@v1.0" }, "https://huggingface.co/a/b/resolve/v1.0/"],
    [{ hub: "a/b@refs/pr/1" }, "https://huggingface.co/a/b/resolve/refs%2Fpr%2F1/"],
    [{ hub: "a/b", path: "packs/q4 new" }, "https://huggingface.co/a/b/resolve/main/packs/q4%20new/"],
    [{ hub: "a/b", endpoint: "https://mirror.example" }, "https://mirror.example/a/b/resolve/main/"],
    [{ hub: "a/b", endpoint: "http://localhost:8080/hub" }, "http://localhost:8080/hub/a/b/resolve/main/"],
  ])("finds %j", (source, url) => {
    expect(locateHub(source).base.href).toBe(url);
    expect(locateHub(source).origin).toEqual(source);
  });

  it.each(["", "gpt2", "a/", "/b", "a/b/c", "a b/c", "a/..", "../b", "a/b--c", "a/.b", "https://huggingface.co/a/b"])(
    "refuses %j as a repository and shows a right one",
    (hub) => {
      expect(() => locateHub({ hub })).toThrow(/must be "owner\/repo".*like "Qwen/);
    },
  );

  it.each(["", "a..b", "/main", "main/", "a//b", "a b", "a?b", "a#b", "a%2Fb", "a\\b", "a@b"])(
    "refuses %j as a revision",
    (revision) => {
      expect(() => locateHub({ hub: `a/b@${revision}` })).toThrow("must be");
    },
  );

  it.each(["", ".", "..", "a/../b", "a//b", "/a", "a/", "a?b", "a#b", "a\\b", "a\nb"])(
    "refuses %j as a path",
    (path) => {
      expect(() => locateHub({ hub: "a/b", path })).toThrow("a folder inside the repository");
    },
  );

  it.each(["", "huggingface.co", "ftp://x", "https://me:hush@x", "https://x?a=1", "https://x#a"])(
    "refuses %j as an endpoint",
    (endpoint) => {
      expect(() => locateHub({ hub: "a/b", endpoint })).toThrow("a hub's absolute URL");
    },
  );
});

describe("openPackSource of a hub", () => {
  let server: FaultServer;
  beforeAll(async () => {
    server = await startFaultServer({ root: null });
    const json = new TextEncoder().encode(JSON.stringify(manifest));
    server.addPack("tiny", new Map([...contents, ["manifest.json", json]]));
  });
  afterAll(() => server.close());

  const hubOf = (lane: string): HubSource => ({ hub: "someone/tiny@refs/pr/1", endpoint: `${server.url}/${lane}` });

  it("opens a pack of a revision, and keeps the token to itself", async () => {
    const source = await openPackSource({ ...hubOf("plain"), token: "hush" });
    await (await source.open(layer, { start: 5 })).cancel();
    expect(server.log("plain").map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ["/plain/someone/tiny/resolve/refs%2Fpr%2F1/manifest.json", "Bearer hush"],
      ["/plain/someone/tiny/resolve/refs%2Fpr%2F1/layer-00.bin", "Bearer hush"],
    ]);
    expect(source.origin).toEqual(hubOf("plain"));
  });

  it("shows the token to no other server that it is sent to", async () => {
    server.addFaults("redirected", [{ file: "*", kind: "redirect", to: "other-origin" }]);
    await openPackSource({ ...hubOf("redirected"), token: "hush" });
    expect(server.log("redirected").map(({ origin, headers }) => [origin, headers.authorization])).toEqual([
      [server.url, "Bearer hush"],
      [server.otherUrl, undefined],
    ]);
  });

  it.each([
    [401, undefined, "a token may be needed"],
    [403, "hush", "not for this token"],
  ])("says for HTTP %i what may help", async (status, token, hint) => {
    const lane = `refused-${status}`;
    server.addFaults(lane, [{ file: "*", kind: "status", status, times: "always" }]);
    const opening = openPackSource({ ...hubOf(lane), ...(token && { token }) });
    await expect(opening).rejects.toMatchObject({
      code: "model-fetch-failed",
      message: expect.stringContaining(hint) as string,
      details: { status },
    });
    await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining("hush") as string });
  });
});
