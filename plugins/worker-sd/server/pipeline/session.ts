/** One ONNX network of the pipeline. Inputs and outputs are 32-bit floats, whatever it computes in. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { fromHalf, settleHalf, toHalf } from './half.ts';

export interface Numbers {
  data: Float32Array;
  dims: readonly number[];
}

export interface Network {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The shape of an input; a string names a dimension that can vary. */
  shapeOf(input: string): readonly (number | string)[];
  /** Converts between integers and floats as the inputs need. Returns all outputs. */
  run(feeds: Readonly<Record<string, Numbers>>): Promise<Readonly<Record<string, Numbers>>>;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** The provider: `cpu`, `cuda`, `webgpu`, `coreml`, `dml`. */
  provider: string;
  /** CPU threads; 0 means one per core. */
  threads: number;
}

/** Loads the model file. Throws onnxruntime's own error. */
export const openNetwork = async (file: string, { provider, threads }: SessionOptions): Promise<Network> => {
  settleHalf();
  const session = await InferenceSession.create(file, {
    executionProviders: provider === 'cpu' ? ['cpu'] : [{ name: provider }, 'cpu'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
  });
  const metadata = new Map(
    session.inputMetadata.map((one) => [one.name, one.isTensor ? one : { ...one, type: 'float32', shape: [] }]),
  );
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    shapeOf: (input) => metadata.get(input)?.shape ?? [],
    run: async (feeds) => {
      const given = Object.entries(feeds).map(([name, numbers]) => {
        return [name, toTensor(metadata.get(name)?.type ?? 'float32', numbers)] as const;
      });
      const results = await session.run(Object.fromEntries(given));
      for (const [, tensor] of given) tensor.dispose();
      return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromTensor(value as Tensor)]));
    },
    close: () => session.release(),
  };
};

const toTensor = (type: string, { data, dims }: Numbers): Tensor => {
  if (type === 'int64')
    return new Tensor(
      'int64',
      BigInt64Array.from(data, (one) => BigInt(Math.trunc(one))),
      dims,
    );
  if (type === 'int32') return new Tensor('int32', Int32Array.from(data, Math.trunc), dims);
  if (type === 'float16') return new Tensor('float16', toHalf(data), dims);
  if (type === 'float64') return new Tensor('float64', Float64Array.from(data), dims);
  if (type !== 'float32') throw new Error(`a network that takes ${type} cannot be used here`);
  return new Tensor('float32', data, dims);
};

const fromTensor = (tensor: Tensor): Numbers => {
  const { dims } = tensor;
  const data = tensor.data as unknown;
  if (data instanceof Float32Array) return { data, dims };
  if (tensor.type === 'float16') return { data: fromHalf(data as Uint16Array), dims };
  if (data instanceof BigInt64Array) return { data: Float32Array.from(data, Number), dims };
  return { data: Float32Array.from(data as ArrayLike<number>), dims };
};
