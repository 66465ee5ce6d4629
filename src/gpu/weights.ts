/** @file Layer weights: pack → tensors that the layer graph takes as inputs. All layers stay resident. */
import { assert } from "../errors.ts";
import type { PackReader, PackTensor, ReadOptions } from "../pack.ts";
import { widenFloat16 } from "./float16.ts";
import type { Tensor, Tensors } from "./session.ts";
import { placeHalves, type TensorHome } from "./tensor-home.ts";

/** Hands out the weights of a layer. Streaming a part of them is another implementation of this. */
export interface WeightStore {
  /** Weights of layer `index` by graph input name; valid until `release`. */
  layer(index: number): Promise<Tensors>;
  release(): void;
}

/**
 * Reads every layer and places it: one read and one upload a layer, so that JS memory holds one layer file at a time.
 *
 * @throws {EmbedError} What reading throws, `out-of-memory`; nothing stays allocated then.
 */
export async function loadResidentWeights(
  pack: PackReader,
  home: TensorHome,
  options: ReadOptions = {},
): Promise<WeightStore> {
  const layers: Tensors[] = [];
  const release = (): void => {
    for (const layer of layers.splice(0)) Object.values(layer).forEach((tensor) => home.release(tensor));
  };
  try {
    for (let index = 0; index < pack.manifest.architecture.num_hidden_layers; index++) {
      layers.push(await loadLayer({ pack, home, index }, options));
    }
  } catch (error) {
    release();
    throw error;
  }
  return { layer: (index) => Promise.resolve(layers[index]!), release };
}

async function loadLayer(
  what: { readonly pack: PackReader; readonly home: TensorHome; readonly index: number },
  options: ReadOptions,
): Promise<Tensors> {
  const prefix = `layers.${what.index}.`;
  const tensors = what.pack.manifest.tensors.filter((tensor) => tensor.name.startsWith(prefix));
  const files = new Map<string, ArrayBuffer>();
  for (const { file } of tensors) if (!files.has(file)) files.set(file, await what.pack.readFile(file, options));
  const place = (): Tensors =>
    Object.fromEntries(
      tensors.map((tensor) => [
        tensor.name.slice(prefix.length),
        placeStored(what.home, tensor, files.get(tensor.file)!),
      ]),
    );
  return what.home.allocating(place, (layer) => Object.values(layer).forEach((tensor) => what.home.release(tensor)));
}

function placeStored(home: TensorHome, tensor: PackTensor, file: ArrayBuffer): Tensor {
  if (tensor.dtype === "float16") {
    return placeHalves(home, tensor.shape, new Uint16Array(file, tensor.offset, tensor.bytes / 2));
  }
  return home.place({ type: "uint8", dims: tensor.shape, data: new Uint8Array(file, tensor.offset, tensor.bytes) });
}

/**
 * The gain of the final norm, for the CPU.
 *
 * @returns `[H]`.
 */
export async function readFinalNorm(pack: PackReader, options: ReadOptions = {}): Promise<Float32Array> {
  const tensor = pack.manifest.tensors.find(({ name }) => name === "final.norm");
  assert(tensor, "parseManifest lets no manifest without final.norm through");
  const file = await pack.readFile(tensor.file, options);
  return widenFloat16(new Uint16Array(file, tensor.offset, tensor.bytes / 2));
}
