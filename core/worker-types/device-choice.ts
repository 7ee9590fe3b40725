/** Which device a worker gets when none was asked for, and whether one that was asked for is there. Pure. */
import { type Device, deviceIds, formatDevice, parseDevice } from '../contract/device.ts';
import { RbeeError } from '../contract/errors.ts';
import type { DeviceFacts } from '../contract/worker-type.ts';

export interface VariantChoice {
  id: string;
  /** Kinds of device that it drives. */
  devices: readonly string[];
}

export interface Candidate {
  variant: string;
  device: Device;
}

/** The device that was asked for, with the variants that drive it in the type's order. */
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

/** The device that was asked for. Errors: DEVICE_INVALID, DEVICE_NOT_FOUND when the machine lacks one of its parts. */
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
 * All devices that a variant of the type drives, best first: the kinds in the type's own order but the processor last,
 * and within a kind the one with the most free memory, less what is promised to workers that are still loading.
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
  // A stable sort: everything but the processor keeps its order.
  return candidates.sort((a, b) => isProcessor(a) - isProcessor(b));
};
