/** @file A model's tensors against its architecture: exactly those that a pack needs, in the right types and shapes. Pure. */
import { EmbedError } from "../../src/errors.ts";
import type { Architecture } from "../../src/pack.ts";
import { type SourceDtype, tensorBytes } from "./dtypes.ts";
import { layerWeights, SOURCE_FINAL_NORM, SOURCE_TABLE } from "./layout.ts";
import { cut } from "./show.ts";

/** A tensor as a header states it, its bytes checked to lie inside the file. */
export interface SourceTensor {
  /** As in the file. */
  readonly name: string;
  readonly path: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** A tensor of a supported element type and the shape that the architecture asks for. */
export interface CheckedTensor extends SourceTensor {
  readonly dtype: SourceDtype;
}

/** What an architecture and a format ask of tensors. */
export interface TensorRules {
  /** Where the architecture stands, for messages. */
  readonly statedBy: string;
  readonly dtypes: readonly SourceDtype[];
}

/**
 * @param byName - By the names of a checkpoint, without the prefix `model.`.
 * @returns Exactly the tensors that a pack needs.
 * @throws {EmbedError} `model-corrupt` for one that is missing or of another type or shape, `invalid-input` for one more.
 */
export function checkTensors(
  byName: ReadonlyMap<string, SourceTensor>,
  architecture: Architecture,
  rules: TensorRules,
): Map<string, CheckedTensor> {
  const wanted = wantedShapes(architecture);
  const checked = new Map<string, CheckedTensor>();
  for (const [name, shape] of wanted) {
    const tensor = byName.get(name);
    if (!tensor) throw corruptTensor(name, "is missing");
    checked.set(name, checkTensor(tensor, shape, rules));
  }
  for (const [name, tensor] of byName) {
    if (!wanted.has(name)) throw unknownTensor(tensor.name, rules.statedBy);
  }
  return checked;
}

function wantedShapes(architecture: Architecture): Map<string, readonly number[]> {
  const { hidden_size: hidden, vocab_size: vocabulary } = architecture;
  const wanted = new Map<string, readonly number[]>([
    [SOURCE_TABLE, [vocabulary, hidden]],
    [SOURCE_FINAL_NORM, [hidden]],
  ]);
  for (let layer = 0; layer < architecture.num_hidden_layers; layer++) {
    for (const { source, shape } of layerWeights(architecture, layer)) wanted.set(source, shape);
  }
  return wanted;
}

function checkTensor(tensor: SourceTensor, shape: readonly number[], rules: TensorRules): CheckedTensor {
  const { name, bytes } = tensor;
  const dtype = rules.dtypes.find((known) => known === tensor.dtype);
  if (!dtype) throw corruptTensor(name, `has the unknown dtype ${cut(tensor.dtype)}`);
  if (tensor.shape.join() !== shape.join()) {
    throw corruptTensor(
      name,
      `has shape [${tensor.shape.join(", ")}], ${rules.statedBy} asks for [${shape.join(", ")}]`,
    );
  }
  const wantedBytes = tensorBytes(dtype, shape);
  if (bytes !== wantedBytes) throw corruptTensor(name, `has ${bytes} bytes, its shape takes ${String(wantedBytes)}`);
  return { ...tensor, dtype };
}

/** A tensor that is not what a header or the architecture says. */
export function corruptTensor(name: string, what: string): EmbedError {
  const tensor = cut(name);
  return new EmbedError("model-corrupt", `tensor ${tensor} ${what}`, { details: { tensor } });
}

/** A tensor that would change the model's vectors, and that the runtime would not compute. */
export function unknownTensor(name: string, statedBy: string): EmbedError {
  const tensor = cut(name);
  return new EmbedError("invalid-input", `tensor ${tensor} is no part of a Qwen3 model of this ${statedBy}`, {
    details: { tensor },
  });
}
