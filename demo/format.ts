/** @file Numbers as people read them: bytes, durations, rates. Pure; English locale, as the strings are. */

const KIB = 1024;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Between a number and its unit: they stay on one line. */
const NBSP = "\u00a0";

/** A whole number with thousands separators. */
export function formatCount(count: number): string {
  return plain.format(count);
}

/** Bytes in B, KB, MB or GB of 1,024; `"23.4 MB"`. */
export function formatBytes(sizeBytes: number): string {
  if (sizeBytes < KIB) return `${plain.format(sizeBytes)}${NBSP}B`;
  if (sizeBytes < KIB ** 2) return `${plain.format(sizeBytes / KIB)}${NBSP}KB`;
  if (sizeBytes < KIB ** 3) return `${oneDecimal.format(sizeBytes / KIB ** 2)}${NBSP}MB`;
  return `${oneDecimal.format(sizeBytes / KIB ** 3)}${NBSP}GB`;
}

const date = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

/** A day: `"Mar 4, 2025"`. @param ms - Since the epoch. */
export function formatDate(ms: number): string {
  return date.format(ms);
}

/** A duration, two digits that matter: `"0.4 ms"`, `"38 ms"`, `"1.2 s"`, `"3 min 20 s"`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 10) return `${oneDecimal.format(durationMs)}${NBSP}ms`;
  if (durationMs < SECOND_MS) return `${plain.format(durationMs)}${NBSP}ms`;
  if (durationMs < MINUTE_MS) return `${oneDecimal.format(durationMs / SECOND_MS)}${NBSP}s`;
  const totalSeconds = Math.round(durationMs / SECOND_MS);
  return `${plain.format(Math.floor(totalSeconds / 60))}${NBSP}min ${totalSeconds % 60}${NBSP}s`;
}

/** An estimate in whole seconds, 1 at least; `"about 12 s"` without the "about". */
export function formatRemaining(durationMs: number): string {
  const seconds = Math.max(1, Math.ceil(durationMs / SECOND_MS));
  return seconds < 60 ? `${seconds}${NBSP}s` : formatDuration(seconds * SECOND_MS);
}

/** A share of 1 as a CSS clip that leaves that much of a bar, from its start. */
export function clipTo(share: number): string {
  return `inset(0 ${percent(1 - share)} 0 0)`;
}

/** A share of 1 as a CSS percentage, clamped to 0…100 (NaN is 0). */
export function percent(share: number): string {
  return `${(Math.min(1, Math.max(0, share || 0)) * 100).toFixed(1)}%`;
}
