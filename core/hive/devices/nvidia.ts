/** NVIDIA devices, as reported by `nvidia-smi`. */
import type { DeviceFacts } from '../../contract/worker-type/worker-type.ts';
import type { DeviceSource } from './device-source.ts';

const fields = [
  'index',
  'uuid',
  'name',
  'pci.bus_id',
  'memory.total',
  'memory.free',
  'utilization.gpu',
  'driver_version',
  'compute_cap',
];

export const nvidia: DeviceSource = {
  kind: 'cuda',
  platforms: ['linux', 'win32'],
  programs: ['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'],
  args: [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits'],
  parse: ({ stdout }) => parseNvidiaSmi(stdout),
};

/** Rows of `nvidia-smi --query-gpu=… --format=csv,noheader,nounits`; memory is in MiB and may be missing. */
export const parseNvidiaSmi = (csv: string): DeviceFacts[] =>
  csv
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .filter((row) => row.length >= fields.length && /^\d+$/.test(row[0] ?? ''))
    .map((row) => {
      const [index, uuid, name, busId, total, free, use, driver, capability] = row as [string, ...string[]];
      const fault = row.find((field) => /^\[?(GPU requires reset|ERR!|Unknown Error)\]?$/.test(field));
      const device: DeviceFacts = { id: `cuda:${index}`, kind: 'cuda', name: known(name) ?? 'NVIDIA GPU' };
      const [totalMib, freeMib, percent] = [number(total), number(free), number(use)];
      if (totalMib !== undefined) device.memory = { total: totalMib * 2 ** 20, free: (freeMib ?? 0) * 2 ** 20 };
      if (percent !== undefined) device.utilization = percent / 100;
      return Object.assign(
        device,
        given('uuid', known(uuid)),
        given('busId', known(busId)),
        given('driver', known(driver)),
        given('computeCapability', known(capability)),
        given('fault', fault?.replace(/[[\]]/g, '')),
      );
    });

/** The highest CUDA version of the driver, from the header of plain `nvidia-smi` or from `--version`. */
export const parseCudaVersion = (text: string): string | undefined => /CUDA Version\s*:\s*(\d+\.\d+)/.exec(text)?.[1];

const known = (field: string | undefined): string | undefined =>
  field === undefined ||
  field === '' ||
  /^\[?(N\/A|Not Supported|Unknown Error|GPU requires reset|ERR!)\]?$/.test(field)
    ? undefined
    : field;

const number = (field: string | undefined): number | undefined => {
  const value = Number(known(field));
  return Number.isFinite(value) ? value : undefined;
};

const given = (key: string, value: string | undefined) => (value === undefined ? {} : { [key]: value });
