/** @file Workers that are killed while they store a pack, and several at it at once: another one ends what one began. */
import { beforeEach, describe, expect, it } from "vitest";
import { bytesOf, DeliveryWorker, FaultLane, hashesOf, totalBytes } from "./fixtures/delivery-lab.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { cleanStore } from "./store/fixtures/clean-store.ts";

declare const __STRATA_FAULTS__: number;

const FILE = "large.bin";
/** A pack of 0.4 MB, where nothing depends on blocks. */
const SMALL = "stress-q4";

/** Of the steps of a commit each third is one to be killed at; `STRATA_FAULTS=20`, as for the published figures: all. */
const [STRIDE, STEPS] =
  __STRATA_FAULTS__ < 20 ? [3, ["write"]] : [1, ["create complete.json", "write", "remove journal"]];

beforeEach(cleanStore);

describe("a worker that is killed", () => {
  it("during the download costs the block under way of each connection", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest();
    await lane.inject({ file: FILE, kind: "gate", at: 1.4 * BLOCK_BYTES });
    const first = new DeliveryWorker();
    const download = first.call("download", lane.source());
    await lane.held();
    // The first block is here, and the whole of all other files.
    await download.seen(({ loadedBytes }) => loadedBytes >= totalBytes(manifest) - 1.5 * BLOCK_BYTES);
    first.terminate();
    const log = await lane.log();
    const second = new DeliveryWorker();
    const again = second.call("download", lane.source());
    expect(await again.result).toMatchObject({ state: "complete" });
    const more = (await lane.log()).slice(log.length);
    expect(more.map(({ file, range }) => ({ file, from: range?.split("-")[0] }))).toContainEqual({
      file: FILE,
      from: `bytes=${BLOCK_BYTES}`,
    });
    // Of the small files, those that were on their way; the large one's first block never again.
    expect(bytesOf(more)).toBeLessThanOrEqual(totalBytes(manifest) - BLOCK_BYTES);
    expect((await second.call("load", { model: lane.source() }).result).hashes).toEqual(hashesOf(manifest));
  });

  it("while everything is read back costs no byte of the network", async () => {
    const lane = new FaultLane();
    const first = new DeliveryWorker({ freeze: { phase: "verify", share: 0.5 } });
    first.call("download", lane.source());
    await first.frozen;
    first.terminate();
    const requests = (await lane.log()).length;
    const second = new DeliveryWorker();
    expect(await second.call("download", lane.source()).result).toMatchObject({ state: "complete" });
    expect(await lane.log()).toHaveLength(requests);
  });

  it("at any step of the commit costs no byte of the network, and leaves a pack that is whole or can be completed", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest(SMALL);
    const steps: string[] = [];
    for (let diskOperation = 0; ; diskOperation += STRIDE) {
      // Nothing but the marker is missing from the second time on.
      const first = new DeliveryWorker({ freeze: { phase: "verify", share: 1, diskOperation } });
      const download = first.call("download", lane.source(SMALL));
      const step = await Promise.race([first.frozen, download.result]);
      first.terminate();
      if (typeof step !== "string") break;
      steps.push(step);
      const second = new DeliveryWorker();
      const [left] = await second.call("list").result;
      const { storage, hashes } = await second.call("load", { model: { stored: left!.id } }).result;
      expect([storage.kind, hashes]).toEqual(["opfs", hashesOf(manifest)]);
      // So that there is something to commit again.
      await second.call("unmark", left!.id).result;
      second.terminate();
    }
    expect(steps).toEqual(expect.arrayContaining(STEPS));
    expect(bytesOf(await lane.log())).toBe(totalBytes(manifest));
  });
});

describe("two tabs at once", () => {
  it("fetch the pack once, and the second shows how the first gets on", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest();
    await lane.inject({ file: FILE, kind: "gate", at: 0.5 });
    const [first, second] = [new DeliveryWorker(), new DeliveryWorker()];
    const one = first.call("download", lane.source());
    await lane.held();
    const two = second.call("download", lane.source());
    const seen = await two.seen(({ by }) => by === "another-tab");
    expect(seen).toMatchObject({ phase: "download", totalBytes: totalBytes(manifest) });
    await lane.openGates();
    expect((await two.result).id).toBe((await one.result).id);
    expect(bytesOf(await lane.log())).toBe(totalBytes(manifest));
    expect(one.progress.every(({ by }) => by === "here")).toBe(true);
    expect(two.progress.every(({ by }) => by === "another-tab")).toBe(true);
  });

  it("hand over when the one at work is closed", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest();
    await lane.inject({ file: FILE, kind: "gate", at: 1.4 * BLOCK_BYTES });
    const [first, second] = [new DeliveryWorker(), new DeliveryWorker()];
    // The first block is here.
    await first
      .call("download", lane.source())
      .seen(({ loadedBytes }) => loadedBytes >= totalBytes(manifest) - 1.5 * BLOCK_BYTES);
    const two = second.call("download", lane.source());
    await two.seen(({ by }) => by === "another-tab");
    first.terminate();
    expect(await two.result).toMatchObject({ state: "complete" });
    const large = (await lane.log()).filter(({ file }) => file === FILE);
    expect(bytesOf(large)).toBeLessThanOrEqual(totalBytes(manifest) + BLOCK_BYTES);
    expect(large.at(-1)?.range).toMatch(new RegExp(`^bytes=${BLOCK_BYTES}-`));
    expect(two.progress.at(-1)).toMatchObject({ phase: "verify", by: "here" });
  });

  it("hand over when the one at work is called off", async () => {
    const lane = new FaultLane();
    await lane.inject({ file: FILE, kind: "gate", at: 1.4 * BLOCK_BYTES });
    const [first, second] = [new DeliveryWorker(), new DeliveryWorker()];
    const one = first.call("download", lane.source());
    await lane.held();
    const two = second.call("download", lane.source());
    await two.seen(({ by }) => by === "another-tab");
    one.abort();
    await expect(one.result).rejects.toMatchObject({ code: "aborted" });
    expect(await two.result).toMatchObject({ state: "complete" });
  });
});
