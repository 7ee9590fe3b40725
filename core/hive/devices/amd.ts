/** AMD devices, as reported by `rocm-smi`. */
import type { DeviceFacts } from '../../contract/worker-type/worker-type.ts';
import type { DeviceSource } from './device-source.ts';

export const amd: DeviceSource = {
  kind: 'rocm',
  platforms: ['linux'],
  programs: ['rocm-smi', '/opt/rocm/bin/rocm-smi'],
  args: ['--showproductname', '--showmeminfo', 'vram', '--showuse', '--showuniqueid', '--json'],
  parse: ({ stdout }) => parseRocmSmi(stdout),
};

/**
 * The JSON of `rocm-smi`: an object per card with text values, keys whose case differs between versions, and sometimes
 * warnings before it. Cards are numbered as in HIP.
 */
export const parseRocmSmi = (text: string): DeviceFacts[] => {
  const body = text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1);
  let json: Record<string, Record<string, string>>;
  try {
    json = JSON.parse(body);
  } catch {
    return [];
  }
  return Object.entries(json)
    .filter(([key]) => /^card\d+$/.test(key))
    .map(([key, card]) => toDevice(Number(key.slice(4)), lowerKeys(card)))
    .sort((a, b) => a.index - b.index)
    .map(({ device }) => device);
};

const toDevice = (index: number, card: ReadonlyMap<string, string>): { index: number; device: DeviceFacts } => {
  const name = card.get('card series') ?? card.get('card model') ?? 'AMD GPU';
  const device: DeviceFacts = { id: `rocm:${index}`, kind: 'rocm', name };
  const [total, used, use] = ['vram total memory (b)', 'vram total used memory (b)', 'gpu use (%)'].map((key) =>
    number(card.get(key)),
  );
  if (total !== undefined) device.memory = { total, free: total - (used ?? 0) };
  if (use !== undefined) device.utilization = use / 100;
  const [uuid, gfx] = [card.get('unique id'), card.get('gfx version')];
  if (uuid && uuid !== 'N/A') device.uuid = uuid;
  if (gfx) device.computeCapability = gfx;
  return { index, device };
};

const lowerKeys = (card: Record<string, string>): Map<string, string> =>
  new Map(Object.entries(card).map(([key, value]) => [key.toLowerCase(), String(value)]));

const number = (text: string | undefined): number | undefined => {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
};
