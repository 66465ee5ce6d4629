/** @file Results as Markdown. */

const MIB = 2 ** 20;

export type Cell = string | number;

/** @returns A table, without a line break at its end. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Bytes as MiB. */
export function mib(bytes: number, digits = 1): string {
  return (bytes / MIB).toFixed(digits);
}
