import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EmbedError } from "../../src/errors.ts";
import { MAX_FAILURES } from "../../src/model/retry.ts";
import { hubAccess } from "./hub-client.ts";
import { REPO } from "./hub-imitation.ts";
import { COMMIT, expectWhole, FILES, FIRST, LATER, MAIN, TOTAL, TREE, useHub } from "./hub-test-bench.ts";

const bench = useHub();

describe("downloadModel and the hub", () => {
  const TOKEN = "hf_secret";

  it("sends the token to the hub's origin and nowhere else, and keeps it nowhere", async () => {
    bench.hub.token = TOKEN;
    const { path, steps, notes } = await bench.download({ access: { endpoint: bench.hub.endpoint, token: TOKEN } });
    expectWhole(path);
    expect(new Set(bench.hub.requests.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${TOKEN}`]));
    const elsewhere = bench.hub.storage.log("x");
    expect(elsewhere.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
    const written = readdirSync(bench.cache, { recursive: true, encoding: "utf8" }).map((name) =>
      join(bench.cache, name),
    );
    for (const file of written.filter((name) => statSync(name).isFile())) {
      expect(readFileSync(file).includes(TOKEN)).toBe(false);
    }
    expect(JSON.stringify([steps, notes])).not.toContain(TOKEN);
  });

  it("names HF_TOKEN when it is refused, with and without one", async () => {
    bench.hub.token = TOKEN;
    const failure = { code: "model-fetch-failed", details: { status: 401 } };
    const set = expect.stringContaining("set HF_TOKEN to a token that may read it");
    await expect(bench.download()).rejects.toMatchObject({ ...failure, message: set });
    const wrong = bench.download({ access: { endpoint: bench.hub.endpoint, token: "hf_wrong" } });
    const may = expect.stringContaining("HF_TOKEN is set, but may not read it");
    await expect(wrong).rejects.toMatchObject({ ...failure, message: may });
    await expect(wrong).rejects.not.toMatchObject({ message: expect.stringContaining("hf_wrong") });
    bench.hub.token = null;
    bench.hub.refusals.push({ path: `/${REPO}/resolve/${COMMIT}/${FIRST}`, status: 403 });
    await expect(bench.download()).rejects.toMatchObject({
      details: { status: 403 },
      message: expect.stringContaining("HF_TOKEN"),
    });
  });

  it("says that there is no such repository or revision, and leaves no folder", async () => {
    for (const changes of [{ repo: "acme/none" }, { revision: "none" }]) {
      await expect(bench.download(changes)).rejects.toMatchObject({
        code: "model-not-found",
        details: { status: 404 },
      });
    }
    expect(readdirSync(bench.cache)).toEqual([]);
  });

  it("waits for as long as the hub asks, and tries again after errors that pass", async () => {
    bench.hub.refusals.push({ path: MAIN, status: 429, headers: { "retry-after": "7" } });
    bench.hub.refusals.push({ path: TREE, status: 500 }, { path: TREE, status: 500 });
    bench.addFaults({ file: FIRST, kind: "status", status: 503, retryAfter: "3" });
    const { path, waits, notes } = await bench.download();
    expectWhole(path);
    expect(waits).toEqual([7000, 500, 1000, 3000]);
    expect(notes[0]).toMatch(/HTTP 429; again in 7 s$/);
  });

  it("gives up after failures in a row", async () => {
    bench.addFaults({ file: FIRST, kind: "status", status: 500, times: "always" });
    await expect(bench.download()).rejects.toMatchObject({ code: "model-fetch-failed", details: { status: 500 } });
    expect(bench.asked(FIRST)).toHaveLength(MAX_FAILURES);
  });

  it("follows redirects of the hub, but not for ever and not to other protocols", async () => {
    const moved = { path: MAIN, status: 307, headers: { location: `${MAIN}?moved` } };
    bench.hub.refusals.push(moved);
    await bench.download();
    rmSync(bench.cache, { recursive: true });
    for (const location of [MAIN, "file:///etc/passwd", "http://"]) {
      bench.hub.refusals.push(...Array.from({ length: 6 }, () => ({ ...moved, headers: { location } })));
      await expect(bench.download()).rejects.toMatchObject({ code: "model-fetch-failed", details: { status: 307 } });
      bench.hub.refusals.splice(0);
    }
  });

  it("takes a page of something else for no answer of a hub", async () => {
    bench.hub.refusals.push({ path: MAIN, status: 200 });
    await expect(bench.download()).rejects.toMatchObject({ message: expect.stringContaining("is not JSON") });
    bench.hub.branches.set("odd", COMMIT);
    await bench.download({ revision: "odd" });
    // Neither asked again nor taken for a hub that cannot be reached, though it is known what "odd" was.
    bench.hub.branches.set("odd", "no commit");
    bench.hub.addCommit("no commit", FILES);
    bench.hub.requests.splice(0);
    await expect(bench.download({ revision: "odd" })).rejects.toMatchObject({
      code: "model-corrupt",
      details: { persistent: true },
    });
    expect(bench.hub.requests).toHaveLength(1);
  });

  it("refuses a listing of more entries than any model has, and of more than a call takes arguments", async () => {
    bench.hub.extraEntries = Array.from({ length: 10_000 }, () => ({}));
    bench.hub.pageEntries = 500_000;
    const failure = { code: "model-corrupt", message: expect.stringContaining("more than 10000 entries") };
    await expect(bench.download()).rejects.toMatchObject(failure);
    bench.hub.extraEntries = Array.from({ length: 500_000 }, () => 0);
    await expect(bench.download()).rejects.toMatchObject(failure);
  });

  it.each(["../../evil.safetensors", "/tmp/evil.safetensors", "a\\..\\evil.safetensors"])(
    "refuses a listing with the path %s before it writes a file",
    async (path) => {
      bench.hub.extraEntries = [{ type: "file", path, size: 1, oid: "0".repeat(40) }];
      await expect(bench.download()).rejects.toMatchObject({ code: "model-corrupt" });
      expect(readdirSync(bench.cache, { recursive: true }).filter((name) => String(name).includes("evil"))).toEqual([]);
      expect(bench.hub.storage.log("x")).toEqual([]);
    },
  );

  it("lists the GGUF files of a repository that has nothing else, and takes the one that was chosen", async () => {
    const bytes = Buffer.from("GGUF and so on");
    bench.hub.addCommit(
      LATER,
      new Map([
        ["q8.gguf", bytes],
        ["q4.gguf", bytes],
        ["README.md", bytes],
      ]),
    );
    const message = expect.stringMatching(/q8\.gguf, q4\.gguf; choose one with --file NAME\.gguf/);
    await expect(bench.download({ revision: LATER })).rejects.toMatchObject({ code: "model-not-found", message });
    const { path } = await bench.download({ revision: LATER, gguf: "q8.gguf" });
    expect(path).toBe(join(bench.cache, "acme--stress", LATER, "q8.gguf"));
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(bench.asked("q4.gguf")).toEqual([]);
  });

  it("says before the first byte how much space is missing, what is here counted", async () => {
    await bench.stopAt(100_000);
    const freeBytes = () => Promise.resolve(500_000);
    const error: unknown = await bench.download({ freeBytes }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "storage-full", details: { freeBytes: 500_000 } });
    const { neededBytes } = (error as EmbedError).details as { neededBytes: number };
    expect(neededBytes).toBeGreaterThan(500_000);
    expect(neededBytes).toBeLessThanOrEqual(TOTAL - 100_000);
    expect(bench.hub.storage.log("x")).toEqual([]);
  });

  it("refuses a cache that cannot be written", async () => {
    const file = join(bench.root, "a-file");
    writeFileSync(file, "");
    await expect(bench.download({ cache: join(file, "cache") })).rejects.toMatchObject({ code: "invalid-input" });
  });
});

describe("hubAccess", () => {
  it("reads endpoint and token of the environment", () => {
    expect(hubAccess({})).toEqual({ endpoint: "https://huggingface.co", token: null });
    expect(hubAccess({ HF_ENDPOINT: "http://mirror:8080/hf/", HF_TOKEN: " hf_x\n" })).toEqual({
      endpoint: "http://mirror:8080/hf",
      token: "hf_x",
    });
  });

  it.each([
    { HF_ENDPOINT: "mirror" },
    { HF_ENDPOINT: "file:///hub" },
    { HF_ENDPOINT: "https://user:hf_x@mirror" },
    { HF_TOKEN: "hf_x\nhf_y" },
  ])("refuses %j without repeating what may be secret", (environment) => {
    expect(() => hubAccess(environment)).toThrow(expect.objectContaining({ code: "invalid-input" }));
    expect(() => hubAccess(environment)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("hf_x") }),
    );
  });
});
