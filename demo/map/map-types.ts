/** @file What page and map worker hand each other. Types only; all of it survives a structured clone. */

/** Vectors to lay out. */
export interface MapVectors {
  /** `[rows, dimensions]`, row-major; of any length but 0. */
  readonly data: Float32Array;
  readonly rows: number;
  readonly dimensions: number;
}

/** Where each vector lies on the map. */
export interface MapLayout {
  /** `[rows, 2]`, x and y from −1 to 1, in the order of the vectors. */
  readonly positions: Float32Array;
  /** `components`: the first two principal components, where there are too few vectors for UMAP. */
  readonly method: "umap" | "components";
}

export type MapMessage =
  | { readonly kind: "progress"; readonly share: number }
  | { readonly kind: "done"; readonly layout: MapLayout }
  | { readonly kind: "failed"; readonly message: string };
