/** Chooses the device of a worker, or checks that the requested one exists. */
import { type Device, deviceIds, formatDevice, parseDevice } from '../contract/device.ts';
import { RbeeError } from '../contract/errors.ts';
import type { DeviceFacts } from '../contract/worker-type/worker-type.ts';

export interface VariantChoice {
  id: string;
  /** Kinds of device that it uses. */
  devices: readonly string[];
}

export interface Candidate {
  variant: string;
  device: Device;
}

/** The requested device, with the variants that can use it, in the type's order. */
export const candidatesFor = (
  wanted: string,
  variants: readonly VariantChoice[],
  devices: readonly DeviceFacts[],
  hive: string,
  commandFor: (device: string) => string,
): Candidate[] => {
  const device = refuseMissing(wanted, devices, hive, commandFor);
  return variants
    .filter((variant) => variant.devices.includes(device.kind))
    .map((variant) => ({ variant: variant.id, device }));
};

/** The requested device. Errors: DEVICE_INVALID; DEVICE_NOT_FOUND if the machine lacks any part of it. */
export const refuseMissing = (
  wanted: string,
  devices: readonly DeviceFacts[],
  hive: string,
  commandFor: (device: string) => string,
): Device => {
  const device = parseDevice(wanted);
  const missing = deviceIds(device).find(
    (id) => !devices.some((known) => known.id === id && known.fault === undefined),
  );
  if (missing !== undefined) {
    const usable = devices.filter((known) => known.fault === undefined).map((known) => known.id);
    throw RbeeError.of('DEVICE_NOT_FOUND', {
      device: missing,
      hive,
      available: usable.join(', '),
      command: commandFor(usable[0] ?? 'cpu'),
    });
  }
  return device;
};

/**
 * All devices that a variant of the type can use, best first: kinds in the type's order with the processor last, and
 * within a kind by free memory, minus memory reserved for loading workers.
 */
export const rankDevices = (
  variants: readonly VariantChoice[],
  devices: readonly DeviceFacts[],
  promised: ReadonlyMap<string, number>,
): Candidate[] => {
  const usable = devices.filter((device) => device.fault === undefined);
  const free = (device: DeviceFacts) => (device.memory?.free ?? 0) - (promised.get(device.id) ?? 0);
  const candidates = variants.flatMap((variant) =>
    usable
      .filter((device) => variant.devices.includes(device.kind))
      .sort((a, b) => free(b) - free(a))
      .map((device) => ({ variant: variant.id, device: parseDevice(device.id) })),
  );
  const isProcessor = (candidate: Candidate) => Number(formatDevice(candidate.device) === 'cpu');
  // A stable sort: all but the processor keep their order.
  return candidates.sort((a, b) => isProcessor(a) - isProcessor(b));
};
