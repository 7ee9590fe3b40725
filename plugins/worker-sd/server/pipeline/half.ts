/**
 * 16-bit floats for onnxruntime. If JavaScript has a Float16Array, onnxruntime's JavaScript uses it for tensors, which its
 * native part (1.30) reads as empty. It checks only once, at the first tensor.
 */
import { Tensor } from 'onnxruntime-node';

let isSettled = false;

/** Makes onnxruntime keep 16-bit floats as integers in the current thread. Call it before creating any tensor. */
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
