/** A fingerprint of a worker's declaration, to detect changes. */
import { createHash } from 'node:crypto';
import { formatDevice, parseDevice } from '../contract/device.ts';
import { formatModelReference, parseModelReference } from '../contract/model-reference.ts';
import type { WorkerSpec } from '../contract/worker.ts';

/** Covers everything but the id, independent of order and notation. */
export const fingerprint = (spec: WorkerSpec): string => {
  const {
    id: _id,
    declaration: _declaration,
    force: _force,
    model,
    device,
    options,
    environment,
    components,
    restart,
    ...rest
  } = spec;
  const normal = {
    ...rest,
    model:
      model === undefined ? undefined : understood(model, (text) => formatModelReference(parseModelReference(text))),
    device: device === undefined ? undefined : understood(device, (text) => formatDevice(parseDevice(text))),
    options: filled(options),
    environment: filled(environment),
    components: filled(components),
    restart: restart === 'on-failure' ? undefined : restart,
  };
  return createHash('sha256')
    .update(JSON.stringify(sorted(normal)))
    .digest('hex')
    .slice(0, 16);
};

/** Values that an older hive accepted but that are invalid now are compared verbatim. */
const understood = (text: string, read: (text: string) => string): string => {
  try {
    return read(text);
  } catch {
    return text;
  }
};

const filled = <Value extends object>(value: Value | undefined): Value | undefined =>
  value === undefined || Object.keys(value).length === 0 ? undefined : value;

/** Sorts the keys of objects at every depth. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, sorted(one)]));
};
