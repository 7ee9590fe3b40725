/** Vulkan devices, as reported by `vulkaninfo --summary`; software renderers are omitted. */
import type { DeviceFacts } from '../../contract/worker-type/worker-type.ts';
import type { DeviceSource } from './device-source.ts';

export const vulkan: DeviceSource = {
  kind: 'vulkan',
  platforms: ['linux', 'win32'],
  programs: ['vulkaninfo'],
  args: ['--summary'],
  parse: ({ stdout }) => parseVulkanSummary(stdout),
};

export const parseVulkanSummary = (text: string): DeviceFacts[] =>
  text
    .split(/^GPU(?=\d+:)/m)
    .slice(1)
    .flatMap((block) => {
      const index = /^(\d+):/.exec(block)?.[1];
      const field = (name: string) => new RegExp(`^\\s*${name}\\s*=\\s*(.+?)\\s*$`, 'm').exec(block)?.[1];
      if (index === undefined || field('deviceType') === 'PHYSICAL_DEVICE_TYPE_CPU') return [];
      const device: DeviceFacts = { id: `vulkan:${index}`, kind: 'vulkan', name: field('deviceName') ?? 'GPU' };
      const [uuid, driver] = [field('deviceUUID'), field('driverInfo')];
      return [{ ...device, ...(uuid ? { uuid } : {}), ...(driver ? { driver } : {}) }];
    });
