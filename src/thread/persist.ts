/** @file The browser's promise not to clear the storage by itself. */

/**
 * Asks for it, where the browser has it to give. Not to be waited for: a browser may ask the user first. A refusal
 * shows in `StorageEstimate.persisted`.
 *
 * @param storage - @default the page's; workers may not ask
 */
export function askToPersist(storage: StorageManager | undefined = globalThis.navigator?.storage): void {
  // Without a promise the pack stays all the same, until space runs out.
  storage?.persist?.().catch(() => {});
}
