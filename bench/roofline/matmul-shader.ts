/** @file WGSL of a plain matrix product in blocked tiles: no subgroups, nothing that only some adapters have. Pure. */

/** Element type of both factors, of the sums and of the product. */
export type MatmulDtype = "f32" | "f16";

/**
 * How the product is cut up. A workgroup works out `tile` × `tile` elements, each of its invocations `block` × `block`
 * of them in registers; `step` elements of the inner dimension are in workgroup memory at a time.
 */
export interface MatmulTiling {
  readonly tile: number;
  readonly block: 4 | 8;
  readonly step: 8 | 16;
}

/** Lanes of the vectors in which memory is read. */
const LANES = 4;

/**
 * The entry point `main` multiplies `a` and `b` (bindings 0 and 1) into `c` (binding 2), all `[size, size]`, row-major;
 * dispatch `size / tile` workgroups both ways.
 *
 * @param size - A multiple of the tile and of the step.
 */
export function matmulShader(dtype: MatmulDtype, size: number, { tile, block, step }: MatmulTiling): string {
  const width = tile / block;
  const vectors = block / LANES;
  const indices = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const cells = indices(block).flatMap((i) => indices(vectors).map((j) => ({ i, j, sum: `sum_${i}_${j}` })));
  return `${dtype === "f16" ? "enable f16;" : ""}
alias Vector = vec4<${dtype}>;
@group(0) @binding(0) var<storage, read> a: array<Vector>;
@group(0) @binding(1) var<storage, read> b: array<Vector>;
@group(0) @binding(2) var<storage, read_write> c: array<Vector>;
// Turned, so that the rows of an invocation lie side by side; a column of padding spares bank conflicts.
var<workgroup> tile_a: array<${dtype}, ${step * (tile + 1)}>;
var<workgroup> tile_b: array<Vector, ${(step * tile) / LANES}>;

@compute @workgroup_size(${width}, ${width})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) at: vec3<u32>,
        @builtin(local_invocation_index) index: u32) {
  let first_row = group.y * ${tile}u;
  let first_column = group.x * ${tile / LANES}u;
  ${cells.map(({ sum }) => `var ${sum} = Vector();`).join(" ")}
  for (var start = 0u; start < ${size}u; start += ${step}u) {
    for (var i = index; i < ${(tile * step) / LANES}u; i += ${width * width}u) {
      let row = i / ${step / LANES}u;
      let column = i % ${step / LANES}u;
      let read = a[(first_row + row) * ${size / LANES}u + start / ${LANES}u + column];
      ${indices(LANES)
        .map((lane) => `tile_a[(column * ${LANES}u + ${lane}u) * ${tile + 1}u + row] = read[${lane}];`)
        .join(" ")}
      tile_b[i] = b[(start + i / ${tile / LANES}u) * ${size / LANES}u + first_column + i % ${tile / LANES}u];
    }
    workgroupBarrier();
    for (var k = 0u; k < ${step}u; k++) {
      ${indices(vectors)
        .map((j) => `let b_${j} = tile_b[k * ${tile / LANES}u + at.x + ${j * width}u];`)
        .join(" ")}
      ${indices(block)
        .map((i) => `let a_${i} = tile_a[k * ${tile + 1}u + at.y * ${block}u + ${i}u];`)
        .join(" ")}
      ${cells.map(({ i, j, sum }) => `${sum} = fma(Vector(a_${i}), b_${j}, ${sum});`).join(" ")}
    }
    workgroupBarrier();
  }
  ${cells
    .map(({ i, j, sum }) => {
      const row = `(first_row + at.y * ${block}u + ${i}u)`;
      return `c[${row} * ${size / LANES}u + first_column + at.x + ${j * width}u] = ${sum};`;
    })
    .join("\n  ")}
}`;
}
