/** @file A header's values in order, read piece by piece and checked against the file before anything is allocated. */
import { EmbedError } from "../../src/errors.ts";
import { readAt } from "./file-ranges.ts";

/** Read at a time; a header is a few MB, most of it the tokenizer. */
const WINDOW_BYTES = 1024 * 1024;

/** Reads forward from the start of a file. Each value is named by its reader, so that an error can say what was wrong. */
export class HeaderCursor {
  readonly path: string;
  readonly fileBytes: number;
  readonly #maxBytes: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #position = 0;
  #window = Buffer.alloc(0);
  #windowStart = 0;

  /** @param maxBytes - Most that a header may take. */
  constructor(path: string, fileBytes: number, maxBytes: number) {
    this.path = path;
    this.fileBytes = fileBytes;
    this.#maxBytes = maxBytes;
  }

  /** From the start of the file. */
  get position(): number {
    return this.#position;
  }

  /** Bytes that the rest of the header can have at most. */
  get left(): number {
    return Math.min(this.fileBytes, this.#maxBytes) - this.#position;
  }

  /**
   * The next bytes, good until the next call.
   *
   * @throws {EmbedError} `model-corrupt` when the file or the limit of a header ends before.
   */
  take(bytes: number, what: string): Buffer {
    if (bytes > this.left) {
      const end = this.fileBytes <= this.#maxBytes ? "the file" : `the limit of ${this.#maxBytes} header bytes`;
      throw this.corrupt(`${what} of ${bytes} bytes at ${this.#position} runs past the end of ${end}`);
    }
    const from = this.#position - this.#windowStart;
    this.#position += bytes;
    if (from + bytes <= this.#window.length) return this.#window.subarray(from, from + bytes);
    this.#windowStart = this.#position - bytes;
    const size = Math.max(bytes, Math.min(WINDOW_BYTES, this.fileBytes - this.#windowStart));
    this.#window = Buffer.from(readAt(this.path, this.#windowStart, size).buffer);
    return this.#window.subarray(0, bytes);
  }

  u32(what: string): number {
    return this.take(4, what).readUInt32LE();
  }

  /** A 64-bit count, length or offset. */
  u64(what: string): number {
    const value = this.take(8, what).readBigUInt64LE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.corrupt(`${what} is ${value}`);
    return Number(value);
  }

  /** A length and that many bytes of UTF-8. */
  string(what: string, maxBytes: number): string {
    const bytes = this.u64(`the length of ${what}`);
    if (bytes > maxBytes) throw this.corrupt(`${what} has ${bytes} bytes, the limit is ${maxBytes}`);
    const encoded = this.take(bytes, what);
    try {
      return this.#decoder.decode(encoded);
    } catch (cause) {
      throw this.corrupt(`${what} is not UTF-8`, cause);
    }
  }

  corrupt(what: string, cause?: unknown): EmbedError {
    return new EmbedError("model-corrupt", `${this.path}: ${what}`, { details: { file: this.path }, cause });
  }
}
