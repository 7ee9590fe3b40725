/** Writes ONNX files: a graph of operators with its constants, as protocol buffers. */

/** Element types by ONNX's numbers. */
export const types = { float: 1, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof types;
/** A length, or the name of one that is known only when the model runs. */
export type Dimension = number | string;
export type Attribute = number | readonly number[] | { float: number };

/** A graph in the making. Values are called by name; `op` gives the name of its result. */
export class Graph {
  readonly #name: string;
  readonly #nodes: Buffer[] = [];
  readonly #constants: Buffer[] = [];
  readonly #inputs: Buffer[] = [];
  readonly #outputs: Buffer[] = [];
  #count = 0;

  constructor(name: string) {
    this.#name = name;
  }

  input(name: string, type: ElementType, shape: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(name: string, type: ElementType, shape: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, type, shape));
  }

  floats(shape: readonly number[], values: ArrayLike<number>): string {
    return this.#constant('float', shape, bytesOf(Float32Array.from(values)));
  }

  integers(shape: readonly number[], values: ArrayLike<number>): string {
    return this.#constant('int64', shape, bytesOf(BigInt64Array.from(Array.from(values), BigInt)));
  }

  /** Adds an operator; its result is called `result`, or by a name of its own. */
  op(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    result = this.#next('value'),
  ): string {
    this.#nodes.push(
      Buffer.concat([
        ...inputs.map((name) => text(1, name)),
        text(2, result),
        text(3, this.#next(operator)),
        text(4, operator),
        ...Object.entries(attributes).map(([name, value]) => message(5, attribute(name, value))),
      ]),
    );
    return result;
  }

  /** The whole file, for operator set 17. */
  toModel(): Buffer {
    const graph = Buffer.concat([
      ...this.#nodes.map((node) => message(1, node)),
      text(2, this.#name),
      ...this.#constants.map((constant) => message(5, constant)),
      ...this.#inputs.map((input) => message(11, input)),
      ...this.#outputs.map((output) => message(12, output)),
    ]);
    const operators = Buffer.concat([text(1, ''), integer(2, 17)]);
    return Buffer.concat([integer(1, 8), text(2, 'rbee'), message(7, graph), message(8, operators)]);
  }

  #constant(type: ElementType, shape: readonly number[], bytes: Buffer): string {
    const name = this.#next('constant');
    const dimensions = shape.map((length) => integer(1, length));
    this.#constants.push(Buffer.concat([...dimensions, integer(2, types[type]), text(8, name), message(9, bytes)]));
    return name;
  }

  #next(kind: string): string {
    this.#count += 1;
    return `${kind}_${this.#count}`;
  }
}

const valueInfo = (name: string, type: ElementType, shape: readonly Dimension[]) => {
  const dimensions = shape.map((one) => message(1, typeof one === 'number' ? integer(1, one) : text(2, one)));
  const tensor = Buffer.concat([integer(1, types[type]), message(2, Buffer.concat(dimensions))]);
  return Buffer.concat([text(1, name), message(2, message(1, tensor))]);
};

const attribute = (name: string, value: Attribute) => {
  if (typeof value === 'number') return Buffer.concat([text(1, name), integer(3, value), integer(20, 2)]);
  if ('float' in value) {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value.float);
    return Buffer.concat([text(1, name), tag(2, 5), bytes, integer(20, 1)]);
  }
  return Buffer.concat([text(1, name), ...value.map((one) => integer(8, one)), integer(20, 7)]);
};

const bytesOf = (values: Float32Array | BigInt64Array) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength);

/** Fields of a protocol buffer: a number, and either a whole number or bytes. */
const tag = (field: number, kind: number) => varint(field * 8 + kind);
const integer = (field: number, value: number) => Buffer.concat([tag(field, 0), varint(value)]);
const message = (field: number, bytes: Buffer) => Buffer.concat([tag(field, 2), varint(bytes.length), bytes]);
const text = (field: number, value: string) => message(field, Buffer.from(value));

const varint = (value: number): Buffer => {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Buffer.from(bytes);
};
