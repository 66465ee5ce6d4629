/** @file The scan's shader: products of all rows of a buffer with the query, in float32. */

/** Threads that share a row: they read 256 bytes of it side by side. */
const LANES = 16;
/** Rows of a workgroup of 256 threads, the most that every device allows. */
export const GROUP_ROWS = 16;

/** Bindings: 0 `[rows, width]` in fours, 1 the query in fours, 2 the scores, 3 rows and width ÷ 4. */
export const SCAN_SHADER = /* wgsl */ `
struct Shape { rows: u32, fours: u32 }
@group(0) @binding(0) var<storage, read> vectors: array<vec4f>;
@group(0) @binding(1) var<storage, read> query: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> scores: array<f32>;
@group(0) @binding(3) var<uniform> shape: Shape;

var<workgroup> sums: array<f32, ${LANES * GROUP_ROWS}>;

@compute @workgroup_size(${LANES}, ${GROUP_ROWS})
fn scan(
  @builtin(local_invocation_id) at: vec3u,
  @builtin(local_invocation_index) slot: u32,
  @builtin(workgroup_id) group: vec3u,
) {
  let row = group.x * ${GROUP_ROWS}u + at.y;
  var sum = 0.0;
  if (row < shape.rows) {
    for (var i = at.x; i < shape.fours; i += ${LANES}u) {
      sum += dot(vectors[row * shape.fours + i], query[i]);
    }
  }
  sums[slot] = sum;
  for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (at.x < half) { sums[slot] += sums[slot + half]; }
  }
  if (at.x == 0u && row < shape.rows) { scores[row] = sums[slot]; }
}
`;
