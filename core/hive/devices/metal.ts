/**
 * Apple devices, as reported by `system_profiler`. They share the processor's memory, so none of their own is listed.
 */
import type { DeviceFacts } from '../../contract/worker-type/worker-type.ts';
import type { DeviceSource } from './device-source.ts';

export const metal: DeviceSource = {
  kind: 'metal',
  platforms: ['darwin'],
  programs: ['system_profiler'],
  args: ['-json', 'SPDisplaysDataType'],
  parse: ({ stdout }) => parseSystemProfiler(stdout),
};

export const parseSystemProfiler = (text: string): DeviceFacts[] => {
  let json: { SPDisplaysDataType?: Record<string, string>[] };
  try {
    json = JSON.parse(text);
  } catch {
    return [];
  }
  return (json.SPDisplaysDataType ?? [])
    .filter((item) => item['spdisplays_mtlgpufamilysupport'] !== undefined)
    .map((item, index) => ({
      id: `metal:${index}`,
      kind: 'metal',
      name: item['sppci_model'] ?? item['_name'] ?? 'Apple GPU',
    }));
};
