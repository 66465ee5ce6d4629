/** @file One writer per pack among all tabs: whoever waits sees how the one at work gets on. */
import { EmbedError, throwIfAborted } from "../errors.ts";
import type { DownloadProgress } from "../delivery.ts";
import { writeLockName } from "./store/locks.ts";

/** Ten a second move a bar smoothly; a fast line would bring hundreds. */
const ANNOUNCE_MS = 100;

/** Asked of whoever is at work by one who has just come: the next progress may be long in coming. */
const ASK = "how far?";

type Message = DownloadProgress | typeof ASK;

export interface TurnOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of the tab at work, while this one waits. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/** Tells the tabs that wait. */
export type Announce = (progress: DownloadProgress) => void;

/**
 * Runs `work` when no other tab or worker writes the pack, at the latest when the one at work has ended, in whatever way.
 *
 * @throws {EmbedError} `aborted` while it waits; what `work` throws.
 */
export async function takeTurn<T>(
  packId: string,
  options: TurnOptions,
  work: (announce: Announce) => Promise<T>,
): Promise<T> {
  const { signal, onProgress } = options;
  throwIfAborted(signal);
  const channel = new BroadcastChannel(`strata-pack-progress:${packId}`);
  let granted = false;
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data !== ASK) onProgress?.({ ...data, by: "another-tab" });
  };
  channel.postMessage(ASK satisfies Message);
  const run = async (): Promise<T> => {
    granted = true;
    return work(announcer(channel));
  };
  try {
    return await navigator.locks.request(writeLockName(packId), signal ? { signal } : {}, run);
  } catch (cause) {
    if (granted) throw cause;
    throwIfAborted(signal);
    throw new EmbedError("storage-busy", `${packId}: the browser refused the lock of its writer`, {
      cause,
      details: { id: packId },
    });
  } finally {
    channel.close();
  }
}

/** The last progress goes to whoever asks; the others get it when it is news. */
function announcer(channel: BroadcastChannel): Announce {
  let last: DownloadProgress | undefined;
  let announcedAt = -Infinity;
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data === ASK && last) channel.postMessage(last);
  };
  return (progress) => {
    const isNews = progress.phase !== last?.phase || progress.trouble !== last.trouble;
    last = progress;
    if (!isNews && performance.now() - announcedAt < ANNOUNCE_MS) return;
    announcedAt = performance.now();
    channel.postMessage(progress satisfies Message);
  };
}
