/** Devices as users write them: `cpu`, `cuda:0`, `cuda:0,1`, `rocm:0`, `vulkan:0`, `metal:0`. */
import { RbeeError } from './errors.ts';
import type { Device } from './worker-type/worker-type.ts';

export type { Device };

/** Built-in kinds, and other words that people use for them. No plugin may provide a kind of these names. */
export const reservedKinds: readonly string[] = ['cpu', 'cuda', 'rocm', 'vulkan', 'metal', 'gpu', 'any', 'auto'];

/** Matches `parseDevice`: must not end in a digit. */
export const kindPattern = '^[a-z](?:[a-z0-9-]{0,30}[a-z-])?$';

/** `gpu0` is not a kind: an index follows a colon. */
const written = /^([a-z](?:[a-z0-9-]*[a-z-])?)(?::(\d{1,4}(?:,\d{1,4})*))?$/;

/** Reads a device. A kind without an index means its first device; `cpu` never has one. */
export const parseDevice = (text: string): Device => {
  const match = written.exec(text.trim().toLowerCase());
  const kind = match?.[1];
  if (kind === undefined || (kind === 'cpu' && match?.[2] !== undefined && match[2] !== '0')) {
    throw RbeeError.of('DEVICE_INVALID', { device: text });
  }
  if (kind === 'cpu') return { kind, indices: [] };
  const indices = (match?.[2] ?? '0').split(',').map(Number);
  if (new Set(indices).size !== indices.length) throw RbeeError.of('DEVICE_INVALID', { device: text });
  return { kind, indices };
};

/** Formats a device as users write it; the inverse of `parseDevice`. */
export const formatDevice = (device: Device): string =>
  device.indices.length === 0 ? device.kind : `${device.kind}:${device.indices.join(',')}`;

/** The devices of a placement as single ids: `cuda:0,1` becomes `cuda:0` and `cuda:1`. */
export const deviceIds = (device: Device): string[] =>
  device.indices.length === 0 ? [device.kind] : device.indices.map((index) => `${device.kind}:${index}`);
