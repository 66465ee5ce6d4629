/** @file What outlives a page: GPU crashes and memory budgets, in localStorage where the browser allows it. */

/** Texts under names. Neither call throws; what cannot be kept is gone after the page. */
export interface Recall {
  read(name: string): string | null;
  write(name: string, text: string): void;
}

/** One entry per adapter and pack; more than these are someone else's garbage. */
const MAX_BUDGETS = 64;

const BUDGETS = "strata:budgets:1";

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

/** What each adapter bore with each pack, in bytes by `VramStatus.budgetKey`; `{}` when it is unreadable. */
export function readBudgets(recall: Recall): Record<string, number> {
  const entries = Object.entries(Object(parse(recall.read(BUDGETS))) as Record<string, unknown>);
  return Object.fromEntries(entries.filter(isBudget).slice(-MAX_BUDGETS));
}

/** The newest stands last. */
export function writeBudget(recall: Recall, key: string, bytes: number): void {
  const others = Object.entries(readBudgets(recall)).filter(([other]) => other !== key);
  recall.write(BUDGETS, JSON.stringify(Object.fromEntries([...others, [key, bytes]])));
}

/** The value of a JSON text, `null` for none and for garbage. */
export function parse(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function isBudget(entry: readonly [string, unknown]): entry is [string, number] {
  return typeof entry[1] === "number" && Number.isFinite(entry[1]) && entry[1] > 0;
}
