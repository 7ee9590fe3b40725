/**
 * Device sources for the kinds of device that worker types add: runs their programs and has the type's code read the
 * output.
 */
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import type { DeviceSource } from './device-source.ts';

/** A type that cannot be evaluated adds no devices; its spawn fails with the reason. */
export const broughtSources = async (types: Pick<WorkerTypes, 'broughtKinds'>): Promise<DeviceSource[]> => {
  const sources = types.broughtKinds().map(async ({ kind, handle }): Promise<DeviceSource[]> => {
    const { devices = [] } = await handle.describe();
    return devices
      .filter((probe) => probe.kind === kind)
      .map(({ programs, args, os, timeoutMs }) => ({
        ...{ kind, programs, args },
        ...(os && { platforms: os }),
        ...(timeoutMs !== undefined && { timeoutMs }),
        parse: (output) => handle.parseDevices(kind, output),
      }));
  });
  return (await Promise.allSettled(sources)).flatMap((done) => (done.status === 'fulfilled' ? done.value : []));
};
