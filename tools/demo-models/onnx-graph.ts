/** Builds an ONNX model node by node and writes it as a file. Field numbers: https://onnx.ai/onnx/repo-docs/IR.html */
import { bytes, float, int } from './protobuf.ts';

/** A value in the graph, by its name. */
export type Value = string;
/** A number is a fixed size, a string names a size that is known only at run time. */
export type Shape = readonly (number | string)[];
export type Attribute = number | string | readonly number[];

/** Numbers of the element types in TensorProto. */
const elementTypes = { float: 1, int64: 7, bool: 9, float16: 10 } as const;
export type ElementType = keyof typeof elementTypes;

const irVersion = 8;
const opsetVersion = 17;

export class OnnxGraph {
  readonly #name: string;
  readonly #nodes: Buffer[] = [];
  readonly #constants: Buffer[] = [];
  readonly #inputs: Buffer[] = [];
  readonly #outputs: Buffer[] = [];
  readonly #half: boolean;
  #values = 0;

  /** With `half`, inputs and outputs are 16-bit floats; the graph computes in 32 bits either way. */
  constructor(name: string, half = false) {
    this.#name = name;
    this.#half = half;
  }

  input(name: string, type: ElementType, shape: Shape): Value {
    const isHalf = this.#half && type === 'float';
    this.#inputs.push(bytes(11, valueInfo(name, isHalf ? 'float16' : type, shape)));
    return isHalf ? this.op('Cast', [name], { to: elementTypes.float }) : name;
  }

  /** Adds no node if the value already has the output's name. */
  output(name: string, value: Value, type: ElementType, shape: Shape): void {
    const isHalf = this.#half && type === 'float';
    if (isHalf) this.#nodes.push(node('Cast', [value], name, { to: elementTypes.float16 }));
    else if (value !== name) this.#nodes.push(node('Identity', [value], name, {}));
    this.#outputs.push(bytes(12, valueInfo(name, isHalf ? 'float16' : type, shape)));
  }

  /** A constant of 32-bit floats. */
  floats(shape: readonly number[], data: ArrayLike<number>): Value {
    const values = Float32Array.from(data);
    return this.#constant('float', shape, Buffer.from(values.buffer));
  }

  /** A constant of 64-bit integers. */
  ints(shape: readonly number[], data: ArrayLike<number>): Value {
    const values = BigInt64Array.from(Array.from(data), BigInt);
    return this.#constant('int64', shape, Buffer.from(values.buffer));
  }

  /** One node with one output. A whole number becomes an int attribute, any other number a float. */
  op(
    type: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output = this.#next(type),
  ): Value {
    this.#nodes.push(node(type, inputs, output, attributes));
    return output;
  }

  /** The model as the bytes of a file. */
  write(): Buffer {
    const graph = Buffer.concat([
      ...this.#nodes,
      bytes(2, this.#name),
      ...this.#constants,
      ...this.#inputs,
      ...this.#outputs,
    ]);
    const opset = Buffer.concat([bytes(1, ''), int(2, opsetVersion)]);
    return Buffer.concat([int(1, irVersion), bytes(2, 'rbee'), bytes(7, graph), bytes(8, opset)]);
  }

  #constant(type: ElementType, shape: readonly number[], data: Buffer): Value {
    const name = this.#next('constant');
    const dims = shape.map((size) => int(1, size));
    this.#constants.push(
      bytes(5, Buffer.concat([...dims, int(2, elementTypes[type]), bytes(8, name), bytes(9, data)])),
    );
    return name;
  }

  #next(what: string): Value {
    this.#values += 1;
    return `${what}_${this.#values}`;
  }
}

const node = (
  type: string,
  inputs: readonly Value[],
  output: Value,
  attributes: Readonly<Record<string, Attribute>>,
): Buffer =>
  bytes(
    1,
    Buffer.concat([
      ...inputs.map((input) => bytes(1, input)),
      bytes(2, output),
      bytes(3, `${output}_node`),
      bytes(4, type),
      ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
    ]),
  );

const attribute = (name: string, value: Attribute): Buffer => {
  if (typeof value === 'string') return Buffer.concat([bytes(1, name), bytes(4, value), int(20, 3)]);
  if (typeof value !== 'number') return Buffer.concat([bytes(1, name), ...value.map((one) => int(8, one)), int(20, 7)]);
  return Number.isInteger(value)
    ? Buffer.concat([bytes(1, name), int(3, value), int(20, 2)])
    : Buffer.concat([bytes(1, name), float(2, value), int(20, 1)]);
};

const valueInfo = (name: string, type: ElementType, shape: Shape): Buffer => {
  const dims = shape.map((size) => bytes(1, typeof size === 'number' ? int(1, size) : bytes(2, size)));
  const tensor = Buffer.concat([int(1, elementTypes[type]), bytes(2, Buffer.concat(dims))]);
  return Buffer.concat([bytes(1, name), bytes(2, bytes(1, tensor))]);
};
