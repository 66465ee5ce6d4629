/** @file Where each weight lies in a pack's files, by its name in a checkpoint. Pure. */
import { join } from "node:path";
import type { PackManifest, PackTensor } from "../../src/pack.ts";
import { layerWeights, type LayerWeight, type Part, SOURCE_FINAL_NORM, SOURCE_TABLE } from "../pack/layout.ts";
import type { MatrixPlace } from "../pack/multiply.ts";

/** Consecutive rows of a weight that lie together. */
export interface WeightRows {
  readonly place: MatrixPlace;
  /** Of the weight, where `place` begins. */
  readonly firstRow: number;
  readonly rows: number;
}

/** @param manifest - As `parseManifest` gives it: every tensor that the architecture asks for is there. */
export function packWeightRows(manifest: PackManifest, folder: string): Map<string, WeightRows[]> {
  const { architecture } = manifest;
  const tensors = new Map(manifest.tensors.map((tensor) => [tensor.name, tensor]));
  const weights = new Map<string, WeightRows[]>([[SOURCE_TABLE, tableRows(manifest, folder)]]);
  const add = (name: string, weight: Omit<LayerWeight, "input">) => {
    const { part, file } = tensorPart(tensors, name, { ...weight, bits: manifest.quantization.bits });
    weights.set(weight.source, [{ place: { part, path: join(folder, file) }, firstRow: 0, rows: part.rows }]);
  };
  for (let layer = 0; layer < architecture.num_hidden_layers; layer++) {
    for (const weight of layerWeights(architecture, layer)) add(`layers.${layer}.${weight.input}`, weight);
  }
  add("final.norm", { source: SOURCE_FINAL_NORM, shape: [architecture.hidden_size] });
  return weights;
}

type PackedWeight = Omit<LayerWeight, "input"> & Pick<Part, "bits">;

function tensorPart(
  tensors: ReadonlyMap<string, PackTensor>,
  name: string,
  { source, shape, bits }: PackedWeight,
): { readonly part: Part; readonly file: string } {
  const whole = { source, bits, firstRow: 0, scalesOffset: 0 };
  const [rows, columns] = [shape[0]!, shape[1]];
  if (columns === undefined) {
    const { file, offset } = tensors.get(name)!;
    return { part: { ...whole, form: "half", bits: 16, rows: 1, columns: rows, offset }, file };
  }
  if (bits === 16) {
    const { file, offset } = tensors.get(`${name}.w`)!;
    return { part: { ...whole, form: "half-transposed", rows, columns, offset }, file };
  }
  const { file, offset } = tensors.get(`${name}.q`)!;
  const { offset: scalesOffset } = tensors.get(`${name}.s`)!;
  return { part: { ...whole, form: "blocks", rows, columns, offset, scalesOffset }, file };
}

function tableRows({ architecture, tokenTable }: PackManifest, folder: string): WeightRows[] {
  const { vocab_size: vocabulary, hidden_size: columns } = architecture;
  const { bits, rowsPerFile, files } = tokenTable;
  return files.map((file, i) => {
    const firstRow = i * rowsPerFile;
    const rows = Math.min(rowsPerFile, vocabulary - firstRow);
    const form = bits === 16 ? "half" : "table";
    const part: Part = { form, bits, source: SOURCE_TABLE, firstRow: 0, rows, columns, offset: 0, scalesOffset: 0 };
    return { place: { part, path: join(folder, file) }, firstRow, rows };
  });
}
