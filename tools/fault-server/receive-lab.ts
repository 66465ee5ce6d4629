/** @file What the tests of `receiveBlocks` share: a pack on a fault server, and all that came of receiving its file. */
import { expect } from "vitest";

import type { PackSource } from "../../src/delivery.ts";
import { EmbedError } from "../../src/errors.ts";
import { makeTinyPack, sha256 } from "../../src/model/fixtures/tiny-pack.ts";
import { BLOCK_BYTES } from "../../src/model/manifest.ts";
import { receiveBlocks, type Landing, type ReceiveOptions } from "../../src/model/receive.ts";
import { openPackSource } from "../../src/model/source.ts";
import { startFaultServer, type Fault, type FaultServer, type LoggedRequest } from "../fault-server.ts";

const { manifest, contents } = makeTinyPack(4, "large");

/** Three blocks, the last one short. */
export const file = manifest.files.find(({ name }) => name === "large.bin")!;
export const large = contents.get("large.bin")!;

/** A fault of that file. */
export const ofLarge = <T extends object>(fault: T): T & { file: string } => ({ file: "large.bin", ...fault });

/** A file's blocks in memory. */
export class Shelf implements Landing {
  readonly blocks: (Uint8Array | undefined)[] = file.blocks.map(() => undefined);
  #memory = new ArrayBuffer(0);

  has(block: number): boolean {
    return this.blocks[block] !== undefined;
  }

  memory(): Uint8Array<ArrayBuffer> {
    if (this.#memory.byteLength < BLOCK_BYTES) this.#memory = new ArrayBuffer(BLOCK_BYTES);
    return new Uint8Array(this.#memory);
  }

  keep(block: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.blocks[block] = bytes.slice();
    this.#memory = bytes.buffer;
  }

  sha256(): string {
    return sha256(Buffer.concat(this.blocks as Uint8Array[]));
  }
}

export interface Outcome {
  /** `null`: it succeeded. */
  readonly error: EmbedError | null;
  /** Instead of which time went by. */
  readonly waits: readonly number[];
  /** Net, as `onBytes` counts them. */
  readonly countedBytes: number;
  readonly troubles: readonly (string | null)[];
  /** Requests for the file. */
  readonly log: readonly LoggedRequest[];
  readonly sentBytes: number;
  readonly shelf: Shelf;
}

/** A server, and for each test a lane and a source of its own. */
export class ReceiveLab {
  readonly server: FaultServer;
  lane = "";
  #source: PackSource | null = null;

  constructor(server: FaultServer) {
    this.server = server;
  }

  async open(...faults: readonly Fault[]): Promise<void> {
    this.lane = `lane-${crypto.randomUUID()}`;
    this.#source = await openPackSource({ url: `${this.server.url}/${this.lane}/tiny` });
    this.server.addFaults(this.lane, faults);
  }

  /** The file, not the manifest. */
  async takeFileFrom(url: string): Promise<void> {
    const fetchFile: typeof fetch = (input, init) => fetch(String(input).replace(/^.*[/]large/, `${url}/large`), init);
    this.#source = await openPackSource({ url: `${this.server.url}/${this.lane}/tiny` }, { fetch: fetchFile });
  }

  /** Requests for the file. */
  log(): readonly LoggedRequest[] {
    return this.server.log(this.lane).filter((entry) => entry.file === file.name);
  }

  async receive(shelf = new Shelf(), options: ReceiveOptions = {}): Promise<Outcome> {
    const waits: number[] = [];
    const troubles: (string | null)[] = [];
    let countedBytes = 0;
    const error = await receiveBlocks({ source: this.#source!, file }, shelf, {
      wait: async (ms) => void waits.push(ms),
      random: () => 0,
      onBytes: (delta) => void (countedBytes += delta),
      onTrouble: (why) => troubles.push(why),
      ...options,
    }).then(() => null, asEmbedError);
    const log = this.log();
    const sentBytes = log.reduce((sum, entry) => sum + entry.bytesSent, 0);
    return { error, waits, countedBytes, troubles, log, sentBytes, shelf };
  }
}

function asEmbedError(reason: unknown): EmbedError {
  if (reason instanceof EmbedError) return reason;
  throw reason;
}

export async function openReceiveLab(): Promise<ReceiveLab> {
  const server = await startFaultServer({ root: null });
  server.addPack("tiny", new Map([...contents, ["manifest.json", new TextEncoder().encode(JSON.stringify(manifest))]]));
  return new ReceiveLab(server);
}

/** The right bytes, counted once, of which no more came twice than a block for each fault. */
export function expectWhole(outcome: Outcome, faults: number): void {
  expect(outcome.error).toBeNull();
  expect(outcome.shelf.sha256()).toBe(file.sha256);
  expect(outcome.countedBytes).toBe(file.bytes);
  expect(outcome.sentBytes).toBeLessThanOrEqual(file.bytes + faults * BLOCK_BYTES);
}
