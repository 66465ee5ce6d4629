/** @file What outlives a page: GPU crashes, memory budgets, passed self-checks; in localStorage where the browser allows it. */

/** Texts under names. Neither call throws; what cannot be kept is gone after the page. */
export interface Recall {
  read(name: string): string | null;
  write(name: string, text: string): void;
}

/** One entry per adapter and pack; more than these are someone else's garbage. */
const MAX_ENTRIES = 64;

/** Bytes that each adapter bore with each pack, by `VramStatus.budgetKey`. */
export const BUDGETS = "strata:budgets:1";

/** When full self-checks were passed, in milliseconds since 1970, by `SelfCheckResult.key`. */
export const CHECKS = "strata:self-checks:1";

/** localStorage, or a plain map where it is missing (a worker, Node) or blocked (by policy, or when it is full). */
export function pageRecall(find: () => Storage | undefined = () => globalThis.localStorage): Recall {
  const kept = new Map<string, string>();
  // Where storage is blocked, already the look at `localStorage` throws.
  const attempt = <R>(use: (storage: Storage) => R): R | null => {
    try {
      const storage = find();
      return storage ? use(storage) : null;
    } catch {
      return null;
    }
  };
  return {
    read: (name) => kept.get(name) ?? attempt((storage) => storage.getItem(name)),
    write(name, text) {
      const stored = attempt((storage) => (storage.setItem(name, text), true));
      if (stored) kept.delete(name);
      else kept.set(name, text);
    },
  };
}

/** Numbers above 0 by key, the newest last; `{}` when what is there is unreadable. @param name - `BUDGETS` or `CHECKS`. */
export function readNumbers(recall: Recall, name: string): Record<string, number> {
  const entries = Object.entries(Object(parse(recall.read(name))) as Record<string, unknown>);
  return Object.fromEntries(entries.filter(isAboveZero).slice(-MAX_ENTRIES));
}

/** @param value - `null` forgets it. */
export function writeNumber(recall: Recall, name: string, [key, value]: readonly [string, number | null]): void {
  const others = Object.entries(readNumbers(recall, name)).filter(([other]) => other !== key);
  const entries = value === null ? others : [...others, [key, value] as const];
  recall.write(name, JSON.stringify(Object.fromEntries(entries)));
}

/** The value of a JSON text, `null` for none and for garbage. */
export function parse(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function isAboveZero(entry: readonly [string, unknown]): entry is [string, number] {
  return typeof entry[1] === "number" && Number.isFinite(entry[1]) && entry[1] > 0;
}
