import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRocmSmi } from './amd.ts';
import type { Ask } from './device-source.ts';
import { measureDevices } from './measure.ts';
import { parseSystemProfiler } from './metal.ts';
import { parseCudaVersion, parseNvidiaSmi } from './nvidia.ts';
import { parseVulkanSummary } from './vulkan.ts';

test('nvidia-smi rows become devices with memory in bytes', () => {
  const rows =
    '0, GPU-7f57f032, NVIDIA H100 80GB HBM3, 00000000:01:00.0, 81559, 80994, 12, 550.54.15, 9.0\n' +
    '1, GPU-1b2c3d4e, NVIDIA GeForce RTX 4090, 00000000:41:00.0, 24564, 24000, 0, 550.54.15, 8.9\n';
  const devices = parseNvidiaSmi(rows);
  assert.deepEqual(
    devices.map((device) => device.id),
    ['cuda:0', 'cuda:1'],
  );
  assert.deepEqual(devices[0], {
    id: 'cuda:0',
    kind: 'cuda',
    name: 'NVIDIA H100 80GB HBM3',
    memory: { total: 81559 * 2 ** 20, free: 80994 * 2 ** 20 },
    utilization: 0.12,
    uuid: 'GPU-7f57f032',
    busId: '00000000:01:00.0',
    driver: '550.54.15',
    computeCapability: '9.0',
  });
});

test('fields that a GPU does not report are absent, and a faulty one says so', () => {
  const [shared, broken] = parseNvidiaSmi(
    '0, GPU-a, NVIDIA GB10, 0000000F:01:00.0, [N/A], [N/A], [Not Supported], 580.1, 12.1\n' +
      '1, GPU-b, NVIDIA A100, 00000000:02:00.0, 40960, [GPU requires reset], ERR!, 580.1, 8.0\n',
  );
  assert.equal(shared?.memory, undefined);
  assert.equal(shared?.utilization, undefined);
  assert.equal(shared?.fault, undefined);
  assert.equal(broken?.fault, 'GPU requires reset');
});

test('invalid rows are ignored', () => {
  const text = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n";
  assert.deepEqual(parseNvidiaSmi(text), []);
  assert.deepEqual(parseNvidiaSmi(''), []);
});

test("the driver's CUDA version is read from both forms", () => {
  assert.equal(parseCudaVersion('| NVIDIA-SMI 550.54   Driver Version: 550.54   CUDA Version: 12.8     |'), '12.8');
  assert.equal(parseCudaVersion('CUDA Version        : 13.0'), '13.0');
  assert.equal(parseCudaVersion('nothing'), undefined);
});

test('rocm-smi cards are sorted by number, whatever comes before the JSON and however keys are written', () => {
  const text = `WARNING: AMD GPU device(s) is/are in a low-power state.
  {"card10": {"Card Series": "Radeon Pro", "VRAM Total Memory (B)": "100", "VRAM Total Used Memory (B)": "40"},
   "card2": {"Card series": "Radeon RX 7900 XTX", "GFX Version": "gfx1100", "VRAM Total Memory (B)": "17163091968",
             "VRAM Total Used Memory (B)": "0", "GPU use (%)": "50", "Unique ID": "0xabc"},
   "system": {"Driver version": "6.7"}}`;
  const devices = parseRocmSmi(text);
  assert.deepEqual(
    devices.map((device) => device.id),
    ['rocm:2', 'rocm:10'],
  );
  assert.deepEqual(devices[0]?.memory, { total: 17163091968, free: 17163091968 });
  assert.equal(devices[0]?.computeCapability, 'gfx1100');
  assert.equal(devices[0]?.utilization, 0.5);
  assert.deepEqual(devices[1]?.memory, { total: 100, free: 60 });
  assert.deepEqual(parseRocmSmi('no json'), []);
});

test('only Metal devices of system_profiler are listed', () => {
  const text = JSON.stringify({
    SPDisplaysDataType: [
      { _name: 'kHW_AppleM3Item', sppci_model: 'Apple M3 Pro', spdisplays_mtlgpufamilysupport: 'spdisplays_metal4' },
      { _name: 'old', sppci_model: 'NVIDIA 8600' },
    ],
  });
  assert.deepEqual(parseSystemProfiler(text), [{ id: 'metal:0', kind: 'metal', name: 'Apple M3 Pro' }]);
  assert.deepEqual(parseSystemProfiler('{'), []);
});

test('GPUs of vulkaninfo are listed, software renderers are not', () => {
  const text = `Devices:
========
GPU0:
	apiVersion         = 1.3.280
	deviceType         = PHYSICAL_DEVICE_TYPE_DISCRETE_GPU
	deviceName         = AMD Radeon RX 7900 XTX (RADV NAVI31)
	driverInfo         = Mesa 24.1
	deviceUUID         = 00000000-0300-0000-0000-000000000000
GPU1:
	deviceType         = PHYSICAL_DEVICE_TYPE_CPU
	deviceName         = llvmpipe
`;
  assert.deepEqual(parseVulkanSummary(text), [
    {
      id: 'vulkan:0',
      kind: 'vulkan',
      name: 'AMD Radeon RX 7900 XTX (RADV NAVI31)',
      uuid: '00000000-0300-0000-0000-000000000000',
      driver: 'Mesa 24.1',
    },
  ]);
});

test('the processor is always listed, and a failing vendor program only adds a note', async () => {
  const ask: Ask = async (program) =>
    program === 'nvidia-smi'
      ? { stdout: '', stderr: 'Failed to initialize NVML: Driver/library version mismatch\n', code: 18 }
      : null;
  const { devices, host, notes } = await measureDevices(ask);
  assert.deepEqual(
    devices.map((device) => device.id),
    ['cpu'],
  );
  assert.ok((devices[0]?.memory?.total ?? 0) > 0);
  assert.ok(host.cpu.cores > 0);
  assert.ok(notes.some((note) => note.includes('Driver/library version mismatch')));
});
