/**
 * Numbers of 16 bits for onnxruntime. Where the language has a Float16Array, its JavaScript makes tensors of that, and its
 * native part (1.30) reads them as empty. It looks for one just once, with the first tensor.
 */
import { Tensor } from 'onnxruntime-node';

let isSettled = false;

/** Makes onnxruntime keep 16-bit floats as whole numbers, for the thread that it is called in. Call it before any other tensor is made. */
export const settleHalf = (): void => {
  if (isSettled) return;
  isSettled = true;
  const own = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');
  if (own === undefined) return;
  Reflect.deleteProperty(globalThis, 'Float16Array');
  try {
    new Tensor('uint8', Uint8Array.of(0), [1]);
  } finally {
    Object.defineProperty(globalThis, 'Float16Array', own);
  }
};

export const toHalf = (data: Float32Array): Uint16Array => new Uint16Array(Float16Array.from(data).buffer);

export const fromHalf = ({ buffer, byteOffset, length }: Uint16Array): Float32Array =>
  Float32Array.from(new Float16Array(buffer, byteOffset, length));
