/** @file The seam between a view and the four ways to keep a vector. Types only. */

/** A row that a scan has found. */
export interface Candidate {
  /** In the order of appending, from 0. */
  readonly row: number;
  /** Cosine, or an estimate of it. */
  readonly score: number;
}

/** Rows `from`…`to` (exclusive) of a chunk, counted within it. */
export interface Run {
  readonly chunk: number;
  readonly from: number;
  readonly to: number;
}

/** Writes the cosine of each row of a run, or an estimate of it, to the front of `scores`. */
export type ScoreRun = (run: Run, scores: Float64Array) => void;

/** What is kept of each vector, and how a query is compared with it. */
export interface Coding {
  readonly rows: number;
  /** Bytes that are held. */
  readonly bytes: number;
  readonly rowsPerChunk: number;
  /**
   * @param vectors - Unit rows, `[N, dimensions]`.
   * @throws {EmbedError} `out-of-memory`; nothing is appended then.
   */
  append(vectors: Float32Array): void;
  /** @param query - Of length 1; `[dimensions]`. */
  compare(query: Float32Array): ScoreRun;
}
