/** @file A pack that is stored against all odds: browsers killed, tabs closed, disks full, networks gone. */
import { readFileSync } from "node:fs";
import { expect, test, type Page } from "@playwright/test";
import type { DownloadProgress, EmbedError, PagePackStore, StoredPack } from "../src/index.ts";
import type { PackManifest } from "../src/pack.ts";
import { startFaultServer, type FaultServer } from "../tools/fault-server.ts";
import { MortalBrowser } from "./mortal-browser.ts";
import { servePlainPage } from "./plain-site.ts";

/** How often the browser is killed; as many as the published figure with `STRATA_FAULTS=100`. */
const KILLS = Number(process.env["STRATA_FAULTS"] ?? 2);

/** Of the manifest's hashes. */
const BLOCK_BYTES = 16 * 1024 * 1024;

const PAGE = `<!doctype html><title>storage</title><script type="module">
  import { createEmbedder, openPackStore } from "./dist/lib/strata-embed.js";
  globalThis.store = openPackStore();
  globalThis.progress = [];
  globalThis.embed = async (model) => {
    const embedder = await createEmbedder({ model, device: "wasm" });
    const vector = [...(await embedder.embedQuery("granite"))];
    const { status } = embedder;
    embedder.dispose();
    return { vector, status };
  };
  globalThis.download = (url, signal) =>
    store.download({ url }, { signal, onProgress: (progress) => globalThis.progress.push(progress) });
</script>`;

/** What `PAGE` offers. */
interface Globals {
  readonly store: PagePackStore;
  readonly progress: DownloadProgress[];
  download(url: string): Promise<StoredPack>;
  embed(model: string | { readonly stored: string }): Promise<{
    readonly vector: number[];
    readonly status: { readonly storage: { readonly kind: string; readonly packId: string | null } };
  }>;
}
const { files } = JSON.parse(readFileSync("public/models/nano-q4/manifest.json", "utf8")) as PackManifest;
const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);

let site: Awaited<ReturnType<typeof servePlainPage>>;
let faults: FaultServer;
test.beforeAll(async () => {
  site = await servePlainPage(PAGE);
  faults = await startFaultServer({ root: "public/models" });
});
test.afterAll(async () => {
  site.server.close();
  await faults.close();
});

async function openPage(page: Page): Promise<void> {
  await page.goto(site.url);
  await page.waitForFunction(() => "embed" in globalThis);
}

/** The vector as it is without any store: straight from the server of the page. */
async function expectRightVector(page: Page, id: string): Promise<void> {
  const { stored, direct } = await page.evaluate(async (packId) => {
    const { embed } = globalThis as unknown as Globals;
    const fromStore = await embed({ stored: packId });
    const { vector } = await embed(new URL("public/models/nano-q4/", location.href).href);
    return { stored: fromStore, direct: vector };
  }, id);
  expect(stored.status.storage).toMatchObject({ kind: "opfs", packId: id });
  expect(stored.vector).toEqual(direct);
}

/** Bytes of the pack's files that were sent, by file. */
function sentBytes(lane: string): Map<string, number> {
  const sent = new Map<string, number>();
  for (const { file, bytesSent } of faults.log(lane)) sent.set(file, (sent.get(file) ?? 0) + bytesSent);
  sent.delete("manifest.json");
  return sent;
}

test("survives a browser that is killed while it downloads, verifies and commits", async () => {
  test.setTimeout(120_000 + KILLS * 20_000);
  // Each is one download from nothing, with as many kills as it takes until it is complete.
  const lanes: { readonly name: string; kills: number }[] = [];
  const urlOf = (name: string): string => `${faults.url}/${name}/nano-q4/`;
  const addLane = (): void => {
    const name = `killed-${lanes.length}`;
    faults.addFaults(name, [{ kind: "throttle", file: "*", bytesPerSecond: 8e6, times: "always" }]);
    lanes.push({ name, kills: 0 });
  };
  addLane();
  await using browser = new MortalBrowser();
  for (let kills = 0; kills < KILLS; kills++) {
    const page = await browser.start();
    await openPage(page);
    const [stored] = await page.evaluate(() => (globalThis as unknown as Globals).store.list());
    // The marker was written before the browser died.
    if (stored?.state === "complete") {
      await page.evaluate((id) => (globalThis as unknown as Globals).store.remove(id), stored.id);
      addLane();
    }
    const lane = lanes.at(-1)!;
    lane.kills++;
    // Every second one in the download, the others while the disk is read back and the marker is written.
    const [phase, share] = [kills % 2 === 0 ? "download" : "verify", Math.random()] as const;
    await page.evaluate((from) => void (globalThis as unknown as Globals).download(from), urlOf(lane.name));
    const isThere = (at: { readonly phase: string; readonly share: number }): boolean => {
      const last = (globalThis as unknown as Globals).progress.at(-1);
      if (last === undefined || last.phase === "manifest") return false;
      const order = ["download", "verify"];
      const later = order.indexOf(last.phase) - order.indexOf(at.phase);
      return later > 0 || (later === 0 && last.loadedBytes >= at.share * last.totalBytes);
    };
    await page.waitForFunction(isThere, { phase, share }, { polling: 5 });
    await browser.kill();
  }
  const page = await browser.start();
  await openPage(page);
  const { before, after, whole } = await page.evaluate(
    async (from) => {
      const { store, download } = globalThis as unknown as Globals;
      const found = await store.list();
      const pack = await download(from);
      return {
        before: found,
        whole: pack,
        after: { listed: await store.list(), verified: await store.verify(pack.id) },
      };
    },
    urlOf(lanes.at(-1)!.name),
  );
  expect(before).toHaveLength(1);
  expect(whole).toMatchObject({ state: "complete", storedBytes: totalBytes });
  expect(after.listed.map(({ id, state }) => [id, state])).toEqual([[whole.id, "complete"]]);
  expect(after.verified).toEqual({ checkedBytes: totalBytes, damaged: [] });
  // Of each file, a killed browser loses the block under way.
  for (const { name: lane, kills } of lanes) {
    for (const [file, bytes] of sentBytes(lane)) {
      const size = files.find(({ name }) => name === file)!.bytes;
      expect(bytes, file).toBeLessThanOrEqual(size + kills * Math.min(size, BLOCK_BYTES));
    }
  }
  await expectRightVector(page, whole.id);
});

test("hands a download over when the tab that does it is closed", async ({ context }) => {
  const lane = "handed-over";
  const url = `${faults.url}/${lane}/nano-q4/`;
  faults.addFaults(lane, [{ kind: "gate", file: "embedding-0.bin", at: BLOCK_BYTES + 1000 }]);
  const [first, second] = [await context.newPage(), await context.newPage()];
  await openPage(first);
  await openPage(second);
  await first.evaluate((from) => void (globalThis as unknown as Globals).download(from), url);
  await faults.held(lane);
  const storedBytes = () =>
    second.evaluate(async () => (await (globalThis as unknown as Globals).store.list())[0]?.storedBytes);
  // What was sent is not kept before it is verified and written.
  await expect.poll(storedBytes).toBeGreaterThanOrEqual(BLOCK_BYTES);
  const finished = second.evaluate((from) => (globalThis as unknown as Globals).download(from), url);
  await second.waitForFunction(() =>
    (globalThis as unknown as Globals).progress.some(({ by }) => by === "another-tab"),
  );
  await first.close();
  const pack = await finished;
  expect(pack.state).toBe("complete");
  const sent = [...sentBytes(lane).values()].reduce((sum, bytes) => sum + bytes, 0);
  expect(sent).toBeLessThanOrEqual(totalBytes + BLOCK_BYTES);
  await faults.close();
  await expectRightVector(second, pack.id);
  faults = await startFaultServer({ root: "public/models" });
});

test("says what is missing when the disk is full, and goes on when there is room", async ({ page }) => {
  const lane = "full";
  const url = `${faults.url}/${lane}/nano-q4/`;
  await openPage(page);
  const session = await page.context().newCDPSession(page);
  const setQuota = (quotaSize: number) =>
    session.send("Storage.overrideQuotaForOrigin", { origin: new URL(site.url).origin, quotaSize });
  const download = () =>
    page.evaluate(
      (from) =>
        (globalThis as unknown as Globals).download(from).catch(({ name, code, details }: EmbedError) => ({
          name,
          code,
          details,
        })),
      url,
    );
  // Before the first byte.
  await setQuota(10e6);
  expect(await download()).toMatchObject({
    name: "EmbedError",
    code: "storage-full",
    details: { neededBytes: totalBytes },
  });
  expect(sentBytes(lane).size).toBe(0);
  // In the middle: what the browser said before holds no more.
  await setQuota(200e6);
  faults.addFaults(lane, [{ kind: "gate", file: "embedding-0.bin", at: 1000 }]);
  const failing = download();
  await faults.held(lane);
  await setQuota(8e6);
  faults.openGates(lane);
  expect(await failing).toMatchObject({ name: "EmbedError", code: "storage-full" });
  const listed = await page.evaluate(() => (globalThis as unknown as Globals).store.list());
  expect(listed).toMatchObject([{ state: "incomplete" }]);
  await setQuota(200e6);
  const pack = await download();
  expect(pack).toMatchObject({ state: "complete" });
  await expectRightVector(page, (pack as StoredPack).id);
});
