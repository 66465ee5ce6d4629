/** @file What an engine without ragged passes would run: batches in input order, each padded to its longest text. */

/** Rows of one length each. */
export interface PaddedRows {
  /** Padded on the right, so that a row is a sequence like any other. */
  readonly inputIds: readonly (readonly number[])[];
  /** Without padding. */
  readonly tokens: number;
}

/** @param texts - Token ids; in input order. */
export function padBatches(
  texts: readonly (readonly number[])[],
  { size, padTokenId }: { readonly size: number; readonly padTokenId: number },
): PaddedRows[] {
  const batches = Array.from({ length: Math.ceil(texts.length / size) }, (_, i) =>
    texts.slice(i * size, (i + 1) * size),
  );
  return batches.map((batch) => {
    const longest = Math.max(...batch.map(({ length }) => length));
    const pad = (ids: readonly number[]): number[] => [...ids, ...Array<number>(longest - ids.length).fill(padTokenId)];
    return { inputIds: batch.map(pad), tokens: batch.reduce((sum, { length }) => sum + length, 0) };
  });
}
