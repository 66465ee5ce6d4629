/** @file One file of a pack, in blocks of 16 MiB that count only once each has the manifest's hash. */

import type { FileStream, PackSource } from "../delivery.ts";
import { assert, EmbedError } from "../errors.ts";
import type { ErrorDetails } from "../errors.ts";
import type { PackFile } from "../pack.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { retryTransient } from "./retry.ts";
import type { RetryOptions } from "./retry.ts";
import { sha256Hex } from "../sha256.ts";

/** How much is read at a time of what is thrown away. */
const SKIP_BYTES = 1024 * 1024;

/** A file, and where its bytes come from. */
export interface WantedFile {
  readonly source: PackSource;
  readonly file: PackFile;
}

/** Where the blocks of a file end up. */
export interface Landing {
  /** Whether the block is there already. */
  has(block: number): boolean;
  /**
   * Memory for a block, of its size at least. It may be detached, and lost if the transfer then fails: `keep` gets what
   * became of it, which may be given here for the next block; a buffer of 0 bytes has been lost.
   */
  memory(block: number): Uint8Array<ArrayBuffer>;
  /** Takes a verified block; `has` says so afterwards. */
  keep(block: number, bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
}

export interface ReceiveOptions extends Pick<RetryOptions, "offline" | "wait" | "random"> {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of missing blocks that came; those of a block that broke are taken back by a negative number. */
  readonly onBytes?: ((delta: number) => void) | undefined;
  /** Why the connection was lost, before another is tried; `null` as soon as that brings something. */
  readonly onTrouble?: ((why: string | null) => void) | undefined;
  /** Whether the browser's HTTP cache is left out: what is stored need not lie there too. @default false */
  readonly uncached?: boolean | undefined;
}

/**
 * Brings the missing blocks of a file, over as many connections as it takes, one at a time. Each asks for a run of
 * missing blocks, so a connection that breaks costs the block under way and nothing else; a damaged block is asked for
 * again once the rest of its run is here.
 *
 * No mixture of two versions of a file can come of this: no part of a block is ever kept, and blocks are the
 * manifest's by their hash, whatever `ETag` they came under; together they are the file, so its own `sha256` says
 * nothing more.
 *
 * @throws {EmbedError} `model-corrupt` when bytes are missing, too many or wrong (`file`, with `block`, `expected`,
 *   `actual` or `expectedBytes`, `actualBytes`), at once when they are so twice in the same way; what the source, the
 *   landing and `retryTransient` throw.
 */
export async function receiveBlocks(wanted: WantedFile, landing: Landing, options: ReceiveOptions = {}): Promise<void> {
  const { signal, offline, wait, random } = options;
  const receiver = new FileReceiver(wanted, landing, options);
  await retryTransient((kept) => receiver.receive(kept), {
    signal,
    offline,
    wait,
    random,
    onFailure: ({ message }) => receiver.failed(message),
  });
}

/** What is known about a file from one connection to the next. */
class FileReceiver {
  readonly #source: PackSource;
  readonly #file: PackFile;
  readonly #landing: Landing;
  readonly #options: ReceiveOptions;
  /** A connection failed: nothing comes out of a cache any more. */
  #fresh = false;
  /** The server gave another range than the one that it was asked for. */
  #rangeless = false;
  #inTrouble = false;
  /** Bytes of the block that is coming. */
  #underWay = 0;
  /** The first `version` that was seen. */
  #version: string | null = null;
  #changed = false;
  /** How each block was wrong the last time. */
  readonly #faults = new Map<number, string>();

  constructor({ source, file }: WantedFile, landing: Landing, options: ReceiveOptions) {
    this.#source = source;
    this.#file = file;
    this.#landing = landing;
    this.#options = options;
  }

  /** Everything that is missing, unless something goes wrong. */
  async receive(kept: () => void): Promise<void> {
    for (let run = this.#nextRun(); run; run = this.#nextRun()) {
      const stream = await this.#open(run);
      try {
        await this.#receiveRun(stream, kept);
      } finally {
        this.#count(-this.#underWay);
        await stream.cancel();
      }
    }
  }

  failed(why: string): void {
    this.#fresh = true;
    this.#inTrouble = true;
    this.#options.onTrouble?.(why);
  }

  /** In bytes. */
  #nextRun(): { readonly start: number; readonly end: number } | null {
    const first = this.#firstMissing(0);
    if (first === this.#file.blocks.length) return null;
    let last = first;
    while (last + 1 < this.#file.blocks.length && !this.#landing.has(last + 1)) last++;
    return { start: first * BLOCK_BYTES, end: this.#endOf(last) };
  }

  #firstMissing(from: number): number {
    let block = from;
    while (block < this.#file.blocks.length && this.#landing.has(block)) block++;
    return block;
  }

  #endOf(block: number): number {
    return Math.min((block + 1) * BLOCK_BYTES, this.#file.bytes);
  }

  async #open(run: { readonly start: number; readonly end: number }): Promise<FileStream> {
    const { signal, uncached } = this.#options;
    let stream: FileStream;
    try {
      const range = this.#rangeless ? { start: 0 } : run;
      stream = await this.#source.open(this.#file, { ...range, signal, uncached, fresh: this.#fresh });
    } catch (error) {
      if (this.#rangeless || !(error instanceof EmbedError) || error.details["rangeRefused"] !== true) throw error;
      this.#rangeless = true;
      stream = await this.#source.open(this.#file, { start: 0, signal, uncached, fresh: true });
    }
    this.#version ??= stream.version;
    this.#changed ||= stream.version !== this.#version;
    return stream;
  }

  /** Blocks as the stream brings them; a server that knows no ranges brings what is here already, too. */
  async #receiveRun(stream: FileStream, kept: () => void): Promise<void> {
    const end = Math.ceil(stream.end / BLOCK_BYTES);
    let damage: EmbedError | null = null;
    let damagedBlock = NaN;
    for (let block = stream.start / BLOCK_BYTES; block < end; block++) {
      if (this.#firstMissing(block) >= end) break;
      if (this.#landing.has(block)) {
        await this.#skip(stream, block);
        continue;
      }
      const wrong = await this.#receiveBlock(stream, block);
      if (!wrong) {
        kept();
        continue;
      }
      // One damaged block is made up for afterwards, so that nothing else comes twice; two in a row are another file.
      if (wrong.details["persistent"] === true || damagedBlock === block - 1) throw wrong;
      damage = wrong;
      damagedBlock = block;
    }
    if (damage) throw damage;
  }

  /** @returns What is wrong with its hash; `null` when it is kept. */
  async #receiveBlock(stream: FileStream, block: number): Promise<EmbedError | null> {
    const size = this.#endOf(block) - block * BLOCK_BYTES;
    const memory = this.#landing.memory(block);
    assert(memory.length >= size, `memory of ${memory.length} bytes for block ${block} of ${this.#file.name}`);
    let { buffer } = memory;
    while (this.#underWay < size) {
      const rest = new Uint8Array(buffer, memory.byteOffset + this.#underWay, size - this.#underWay);
      const part = await stream.read(rest);
      // A connection that was cut often looks like a clean end.
      if (part.length === 0) throw this.#wrongSize(block, block * BLOCK_BYTES + this.#underWay);
      buffer = part.buffer;
      this.#count(part.length);
    }
    if (block === this.#file.blocks.length - 1) await this.#expectEnd(stream);
    const bytes = new Uint8Array(buffer, memory.byteOffset, size);
    const actual = await sha256Hex(bytes);
    const expected = this.#file.blocks[block]!;
    if (actual === expected) await this.#landing.keep(block, bytes);
    else this.#options.onBytes?.(-size);
    this.#underWay = 0;
    return actual === expected ? null : this.#wrongHash({ block, expected, actual });
  }

  async #skip(stream: FileStream, block: number): Promise<void> {
    let scratch = new ArrayBuffer(SKIP_BYTES);
    const end = this.#endOf(block);
    for (let at = block * BLOCK_BYTES; at < end;) {
      const part = await stream.read(new Uint8Array(scratch, 0, Math.min(SKIP_BYTES, end - at)));
      if (part.length === 0) throw this.#wrongSize(block, at);
      scratch = part.buffer;
      at += part.length;
    }
  }

  async #expectEnd(stream: FileStream): Promise<void> {
    const beyond = await stream.read(new Uint8Array(1));
    if (beyond.length > 0) throw this.#wrongSize(this.#file.blocks.length - 1, this.#file.bytes + 1);
  }

  #count(delta: number): void {
    if (delta === 0) return;
    this.#underWay += delta;
    this.#options.onBytes?.(delta);
    if (delta < 0 || !this.#inTrouble) return;
    this.#inTrouble = false;
    this.#options.onTrouble?.(null);
  }

  #wrongHash(mismatch: { readonly block: number; readonly expected: string; readonly actual: string }): EmbedError {
    const { block, expected, actual } = mismatch;
    const { name, blocks } = this.#file;
    const message = `${name}: block ${block} of ${blocks.length} has SHA-256 ${actual}, the manifest says ${expected}`;
    return this.#corrupt(message, { block, fault: actual }, mismatch);
  }

  #wrongSize(block: number, actualBytes: number): EmbedError {
    const { name, bytes } = this.#file;
    const count = actualBytes > bytes ? `at least ${actualBytes}` : `${actualBytes}`;
    const message = `${name}: ${count} bytes, the manifest says ${bytes}`;
    return this.#corrupt(message, { block, fault: `${actualBytes} bytes` }, { expectedBytes: bytes, actualBytes });
  }

  /** The same fault twice is no accident of the wire's. */
  #corrupt(
    message: string,
    { block, fault }: { readonly block: number; readonly fault: string },
    facts: ErrorDetails,
  ): EmbedError {
    const persistent = this.#faults.get(block) === fault;
    this.#faults.set(block, fault);
    const changed = this.#changed ? " (the server's file has changed meanwhile)" : "";
    return new EmbedError("model-corrupt", message + changed, {
      details: {
        file: this.#file.name,
        block,
        ...facts,
        ...(persistent && { persistent }),
        ...(this.#changed && { changed: true }),
      },
    });
  }
}
