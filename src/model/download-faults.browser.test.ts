/** @file Downloads into the browser's storage from a server that misbehaves: whole in the end, or a typed error. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Fault } from "../../tools/fault-server.ts";
import type { DownloadProgress } from "../delivery.ts";
import { bytesOf, DeliveryWorker, FaultLane, totalBytes, type Running } from "./fixtures/delivery-lab.ts";
import type { WorkerSetup } from "./fixtures/delivery.worker.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { cleanStore } from "./store/fixtures/clean-store.ts";
import { StoreWorker } from "./store/fixtures/store-worker.ts";

declare const __STRATA_FAULTS__: number;

const FILE = "large.bin";
const LAYER = "layer-00.bin";
/** A pack of 0.4 MB, where nothing depends on blocks. */
const SMALL = "stress-q4";

/** Where connections are cut, as a share of the file; `STRATA_FAULTS=20` has as many as the published figures. */
const CUTS = Array.from(
  { length: __STRATA_FAULTS__ },
  (_, i) => 0.01 + (0.98 * i) / Math.max(1, __STRATA_FAULTS__ - 1),
);

beforeEach(cleanStore);

/** A download with these faults, and what it cost. */
async function downloadWith(
  faults: readonly Fault[],
  { pack, ...setup }: WorkerSetup & { readonly pack?: string } = {},
) {
  const lane = new FaultLane();
  await lane.inject(...faults);
  const worker = new DeliveryWorker(setup);
  const download = worker.call("download", lane.source(pack));
  const manifest = await lane.manifest(pack);
  await download.result.catch(() => undefined);
  const log = await lane.log();
  const extraBytes = bytesOf(log) - totalBytes(manifest);
  return { lane, worker, download, manifest, log, extraBytes };
}

async function expectWhole(worker: DeliveryWorker, download: Running<{ readonly id: string }>): Promise<void> {
  const { id } = await download.result;
  expect((await worker.call("verify", id).result).damaged).toEqual([]);
}

/** Whatever happens: a total known from the first, phases in order, and no step back within one. */
function expectHonest(progress: readonly DownloadProgress[], total: number): void {
  const phases = ["manifest", "download", "verify"] as const;
  for (const [i, now] of progress.entries()) {
    const last = progress[i - 1];
    if (now.phase !== "manifest") expect(now.totalBytes).toBe(total);
    expect(now.loadedBytes).toBeLessThanOrEqual(now.totalBytes);
    if (last) expect(phases.indexOf(now.phase)).toBeGreaterThanOrEqual(phases.indexOf(last.phase));
    if (last?.phase === now.phase) expect(now.loadedBytes).toBeGreaterThanOrEqual(last.loadedBytes);
  }
}

describe("download of a pack", () => {
  it("fetches each byte once, reads all of them back, and says honestly how far it is", async () => {
    const { worker, download, manifest, log, extraBytes } = await downloadWith([]);
    expect(await download.result).toMatchObject({ name: "tiny", state: "complete", storedBytes: totalBytes(manifest) });
    expect(extraBytes).toBe(0);
    expect(log).toHaveLength(manifest.files.length);
    await expectWhole(worker, download);
    expectHonest(download.progress, totalBytes(manifest));
    const lastOf = (phase: string): DownloadProgress | undefined =>
      download.progress.filter((progress) => progress.phase === phase).at(-1);
    expect(lastOf("download")?.loadedBytes).toBe(totalBytes(manifest));
    expect(lastOf("verify")?.loadedBytes).toBe(totalBytes(manifest));
  });

  it("resolves without a request when the pack is complete", async () => {
    const { lane, worker, download, log } = await downloadWith([], { pack: SMALL });
    const again = await worker.call("download", lane.source(SMALL)).result;
    expect(again).toEqual(await download.result);
    expect(again.inUse).toBe(false);
    expect(await lane.log()).toHaveLength(log.length);
  });

  const losses: readonly { readonly title: string; readonly faults: readonly Fault[]; readonly setup?: WorkerSetup }[] =
    [
      {
        title: "a body without length that ends at 37 %",
        faults: [{ file: FILE, kind: "cut", at: 0.37, clean: true }],
      },
      { title: "a stall", faults: [{ file: FILE, kind: "stall", at: 0.6 }], setup: { stalledMs: 1000 } },
      { title: "a flipped byte", faults: [{ file: FILE, kind: "flip", at: 0.5 }] },
      { title: "a body that is too short", faults: [{ file: FILE, kind: "short", bytes: 10 }] },
      {
        title: "an ETag that changes midway, of the same content",
        faults: [
          { file: FILE, kind: "cut", at: 0.37 },
          { file: FILE, kind: "etag", etag: '"other"', times: "always" },
        ],
      },
    ];
  for (const { title, faults, setup } of losses) {
    it(`is whole after ${title}, and fetches no more than a block again`, async () => {
      const { worker, download, manifest, extraBytes } = await downloadWith(faults, setup);
      await expectWhole(worker, download);
      expect(extraBytes).toBeLessThanOrEqual(BLOCK_BYTES);
      expectHonest(download.progress, totalBytes(manifest));
    });
  }

  it.each(CUTS)(
    "is whole after a connection cut at %f of a file, and fetches no more than a block again",
    async (at) => {
      const lane = new FaultLane();
      const manifest = await lane.manifest();
      const { bytes } = manifest.files.find(({ name }) => name === FILE)!;
      const cutAt = Math.round(at * bytes);
      await lane.inject(
        { file: FILE, kind: "gate", at: cutAt - 1, times: "always" },
        { file: FILE, kind: "cut", at: cutAt },
      );
      const worker = new DeliveryWorker();
      const download = worker.call("download", lane.source());
      // Else what is on its way would be lost too, of however many blocks.
      await download.seen(({ loadedBytes }) => loadedBytes >= totalBytes(manifest) - bytes + cutAt - 1);
      await lane.openGates();
      await expectWhole(worker, download);
      const log = await lane.log();
      expect(log.filter(({ file }) => file === FILE)).toHaveLength(2);
      expect(bytesOf(log) - totalBytes(manifest)).toBeLessThanOrEqual(BLOCK_BYTES);
      expectHonest(download.progress, totalBytes(manifest));
    },
  );

  it("says what the trouble is until bytes flow again", async () => {
    const { download } = await downloadWith([{ file: FILE, kind: "cut", at: 0.5 }]);
    const troubles = download.progress.map(({ trouble }) => trouble);
    expect(troubles.find((trouble) => trouble !== null)).toContain(FILE);
    expect(troubles.at(-1)).toBeNull();
  });

  it("goes on with a server that has forgotten ranges, by reading over what is here", async () => {
    const { worker, download, log } = await downloadWith([
      { file: FILE, kind: "cut", at: 0.9 },
      { file: FILE, kind: "ignore-range", skip: 1, times: "always" },
    ]);
    await expectWhole(worker, download);
    expect(log.filter(({ file }) => file === FILE).map(({ status }) => status)).toEqual([200, 200]);
  });

  it("waits as long as the server asks after 429", async () => {
    const faults: Fault[] = [{ file: LAYER, kind: "status", status: 429, retryAfter: "7" }];
    const { worker, download, extraBytes } = await downloadWith(faults, { pack: SMALL });
    await expectWhole(worker, download);
    expect(await worker.call("waits").result).toEqual([7000]);
    expect(extraBytes).toBe(0);
  });

  it("comes through two 500 and a redirect to another origin", async () => {
    const faults: Fault[] = [
      { file: LAYER, kind: "status", status: 500, times: 2 },
      { file: "layer-01.bin", kind: "redirect", to: "other-origin" },
    ];
    const { worker, download, extraBytes } = await downloadWith(faults, { pack: SMALL });
    await expectWhole(worker, download);
    expect(await worker.call("waits").result).toHaveLength(2);
    expect(extraBytes).toBe(0);
  });

  it("ends with the failure that is final, and stops the other files", async () => {
    const { download } = await downloadWith([
      // Would never end by itself.
      { file: FILE, kind: "gate", at: 0.5 },
      { file: LAYER, kind: "status", status: 404 },
    ]);
    await expect(download.result).rejects.toMatchObject({
      code: "model-fetch-failed",
      details: { file: LAYER, status: 404 },
    });
  });

  it("says that the source's file is not its manifest's when a block is wrong again and again", async () => {
    const { lane, download } = await downloadWith([{ file: FILE, kind: "flip", at: 0.5, times: "always" }]);
    await expect(download.result).rejects.toMatchObject({
      code: "model-corrupt",
      details: { file: FILE, block: 1, origin: lane.source() },
    });
  });

  it("goes on where a failure has left it", async () => {
    const { lane, worker, download, manifest } = await downloadWith([{ file: FILE, kind: "flip", at: 0.5, times: 2 }]);
    await expect(download.result).rejects.toMatchObject({ code: "model-corrupt" });
    const [left] = await worker.call("list").result;
    expect(left).toMatchObject({ state: "incomplete" });
    // All of the large file but one block; small ones may not have had their turn.
    const storedBytes = left?.storedBytes ?? 0;
    expect(storedBytes).toBeGreaterThan(1.5 * BLOCK_BYTES);
    const before = bytesOf(await lane.log());
    const again = worker.call("download", lane.source());
    await expectWhole(worker, again);
    expect(bytesOf(await lane.log()) - before).toBe(totalBytes(manifest) - storedBytes);
    expect(again.progress.find(({ phase }) => phase === "download")?.loadedBytes).toBe(storedBytes);
  });

  it("asks for room before the first byte", async () => {
    const { download, manifest, log } = await downloadWith([], { freeBytes: 1e6 });
    await expect(download.result).rejects.toMatchObject({
      code: "storage-full",
      details: { neededBytes: totalBytes(manifest), freeBytes: 1e6 },
      message: expect.stringContaining("1.0 MB") as string,
    });
    expect(log).toEqual([]);
  });

  it("asks for no more room for a file that has its room, even when nothing of it is right", async () => {
    const { lane, worker, download } = await downloadWith([
      { file: FILE, kind: "cut", at: 1.2 * BLOCK_BYTES, clean: true },
      { file: FILE, kind: "status", status: 404 },
    ]);
    await expect(download.result).rejects.toMatchObject({ details: { status: 404 } });
    const [left] = await worker.call("list").result;
    const vandal = new StoreWorker();
    await vandal.call("flip", { id: left!.id, name: FILE }, 7);
    vandal.terminate();
    await worker.call("verify", left!.id).result;
    const full = new DeliveryWorker({ freeBytes: 1e6 });
    await expectWhole(full, full.call("download", lane.source()));
  });

  it("keeps what is verified when it is called off, and goes on from there", async () => {
    const lane = new FaultLane();
    // The first two blocks are here then, and a part of the third.
    await lane.inject({ file: FILE, kind: "gate", at: 2 * BLOCK_BYTES + 1000 });
    const worker = new DeliveryWorker();
    const download = worker.call("download", lane.source());
    const total = totalBytes(await lane.manifest());
    await download.seen(({ loadedBytes }) => loadedBytes >= total - 0.5 * BLOCK_BYTES);
    await lane.held();
    download.abort();
    await expect(download.result).rejects.toMatchObject({ code: "aborted" });
    const [left] = await worker.call("list").result;
    expect(left).toMatchObject({ state: "incomplete", storedBytes: total - 0.5 * BLOCK_BYTES - 1000 });
    await lane.openGates();
    await expectWhole(worker, worker.call("download", lane.source()));
    const ranges = (await lane.log()).filter(({ file }) => file === FILE).map(({ range }) => range?.split("-")[0]);
    expect(ranges).toEqual([undefined, `bytes=${2 * BLOCK_BYTES}`]);
  });
});
