/** @file An ONNX graph of a Qwen3 model in the making: inputs, nodes, outputs → protobuf bytes. Pure. */
import onnxProto from "onnx-proto";
import type { Activations, Architecture, WeightBits } from "../../src/pack.ts";
import { floatToHalf } from "./half.ts";
import { layerWeights } from "./layout.ts";
import { BLOCK } from "./quantize.ts";

const { onnx } = onnxProto;
type Node = InstanceType<typeof onnx.NodeProto>;

/** Domain of ONNX Runtime's own operators. */
export const CONTRIB = "com.microsoft";
const TYPE_CODES = { f32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, f16: 10 } as const;
export type ElementType = keyof typeof TYPE_CODES;
/** A number, or the name of a dimension that varies. */
export type Dimension = number | string;

export interface GraphOptions {
  readonly name: string;
  readonly bits: WeightBits;
  readonly activations: Activations;
}

type Names = readonly string[];

export interface NodeOptions {
  readonly domain?: string;
  readonly ints?: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
}

/** Where a weight outside the graph lies. */
export interface ExternalPlace {
  readonly shape: readonly number[];
  /** In the graph's folder. */
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

interface NamedWeight {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Collects the parts of one graph; weights are named as `layerWeights` names them. */
export class GraphBuilder {
  readonly architecture: Architecture;
  readonly bits: WeightBits;
  readonly float: Activations;
  readonly #graph: InstanceType<typeof onnx.GraphProto>;

  constructor(architecture: Architecture, { name, bits, activations }: GraphOptions) {
    this.#graph = onnx.GraphProto.create({ name });
    this.architecture = architecture;
    this.bits = bits;
    this.float = activations;
  }

  input(name: string, type: ElementType, shape: readonly Dimension[]): void {
    this.#graph.input.push(valueInfo(name, type, shape));
  }

  output(name: string, shape: readonly Dimension[], type: ElementType = this.float): void {
    this.#graph.output.push(valueInfo(name, type, shape));
  }

  /** An integer that is known beforehand, such as a shape for `Reshape`; `[values.length]`. */
  constant(name: string, values: readonly number[]): void {
    const tensor = { name, dataType: TYPE_CODES.int64, dims: [values.length], int64Data: [...values] };
    this.#graph.initializer.push(onnx.TensorProto.create(tensor));
  }

  cast(input: string, output: string, type: ElementType): void {
    this.node("Cast", [[input], [output]], { ints: { to: TYPE_CODES[type] } });
  }

  /** Numbers that are known beforehand, as activations. */
  numbers(name: string, shape: readonly number[], values: readonly number[]): void {
    const held = this.float === "f32" ? { floatData: [...values] } : { int32Data: values.map(floatToHalf) };
    const tensor = { name, dataType: TYPE_CODES[this.float], dims: [...shape], ...held };
    this.#graph.initializer.push(onnx.TensorProto.create(tensor));
  }

  /** A weight that lies in a file beside the graph's. */
  external(name: string, type: ElementType, { shape, file, offset, bytes }: ExternalPlace): void {
    const place = { location: file, offset: String(offset), length: String(bytes) };
    const tensor = onnx.TensorProto.create({
      name,
      dataType: TYPE_CODES[type],
      dims: [...shape],
      dataLocation: onnx.TensorProto.DataLocation.EXTERNAL,
      externalData: Object.entries(place).map(([key, value]) => ({ key, value })),
    });
    this.#graph.initializer.push(tensor);
  }

  norm(input: string, weight: string, output: string): void {
    const floats = { epsilon: this.architecture.rms_norm_eps };
    this.node("SimplifiedLayerNormalization", [[input, weight], [output]], { ints: { axis: -1 }, floats });
  }

  linear(name: string, input: string, output: string): void {
    const weight = layerWeights(this.architecture, 0).find((candidate) => candidate.input === name)!;
    this.product({ name, shape: weight.shape }, input, output);
  }

  /** `linear` of a weight `[N, K]` of any name. */
  product({ name, shape }: NamedWeight, input: string, output: string): void {
    if (this.bits === 16) {
      this.node("MatMul", [[input, `${name}.w`], [output]]);
      return;
    }
    const [N, K] = [shape[0]!, shape[1]!];
    const ints = { K, N, bits: this.bits, block_size: BLOCK, accuracy_level: 0 };
    this.node("MatMulNBits", [[input, `${name}.q`, `${name}.s`], [output]], { domain: CONTRIB, ints });
  }

  node(opType: string, [input, output]: readonly [Names, Names], options: NodeOptions = {}): void {
    const { INT, FLOAT } = onnx.AttributeProto.AttributeType;
    const attribute = [
      ...Object.entries(options.ints ?? {}).map(([name, i]) => ({ name, type: INT, i })),
      ...Object.entries(options.floats ?? {}).map(([name, f]) => ({ name, type: FLOAT, f })),
    ];
    const node: Node = onnx.NodeProto.create({
      opType,
      name: output[0]!,
      domain: options.domain ?? "",
      input: [...input],
      output: [...output],
      attribute,
    });
    this.#graph.node.push(node);
  }

  encode(): Uint8Array {
    const model = onnx.ModelProto.create({
      irVersion: 8,
      producerName: "strata-pack",
      opsetImport: [
        { domain: "", version: 17 },
        { domain: CONTRIB, version: 1 },
      ],
      graph: this.#graph,
    });
    return onnx.ModelProto.encode(model).finish();
  }
}

function valueInfo(name: string, type: ElementType, shape: readonly Dimension[]) {
  const dim = shape.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
  return onnx.ValueInfoProto.create({
    name,
    type: onnx.TypeProto.create({ tensorType: { elemType: TYPE_CODES[type], shape: { dim } } }),
  });
}
