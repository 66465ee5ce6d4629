/** @file Keys that JSON.parse drops in silence. Pure. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The first key that an object, at any depth, has twice.
 *
 * @param json - Valid JSON.
 * @returns null where there is none.
 */
export function duplicateKey(json: string): string | null {
  /** Of each object or list that is open: the keys so far, null for a list. */
  const open: (Set<string> | null)[] = [];
  let text = "";
  for (let i = 0; i < json.length; i++) {
    const character = json[i]!;
    if (character === '"') {
      const end = endOfString(json, i);
      text = json.slice(i, end);
      i = end - 1;
    } else if (character === ":") {
      const key = JSON.parse(text) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    } else if (character === "{") open.push(new Set());
    else if (character === "[") open.push(null);
    else if (character === "}" || character === "]") open.pop();
  }
  return null;
}

/** @returns The place after the closing quote. */
function endOfString(json: string, start: number): number {
  for (let i = start + 1; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (code === QUOTE) return i + 1;
  }
  return json.length;
}
