/** @file The journal beside a growing file: lines of text, only ever appended, that say which blocks are there. Pure. */

const BLOCK_LINE = /^(block|lost) (\d{1,9})$/;

/** What a journal says. */
export interface JournalState {
  /** Blocks that are written and verified. */
  readonly blocks: Set<number>;
  /** Bytes up to the end of the last whole line: where the next one goes. */
  readonly endBytes: number;
}

export const blockLine = (block: number): string => `block ${block}\n`;
export const lostLine = (block: number): string => `lost ${block}\n`;

/**
 * Reads a journal, whatever a crash has made of it: a line without its end counts for nothing, nor does one that
 * makes no sense.
 *
 * @param blockCount - Of the file; blocks beyond are ignored.
 */
export function readJournal(journal: Uint8Array, blockCount: number): JournalState {
  const endBytes = journal.lastIndexOf("\n".charCodeAt(0)) + 1;
  const blocks = new Set<number>();
  for (const line of new TextDecoder().decode(journal.subarray(0, endBytes)).split("\n")) {
    const [, kind, digits] = BLOCK_LINE.exec(line) ?? [];
    const block = Number(digits);
    if (kind === "lost") blocks.delete(block);
    else if (kind === "block" && block < blockCount) blocks.add(block);
  }
  return { blocks, endBytes };
}
