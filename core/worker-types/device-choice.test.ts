import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RbeeError } from '../contract/errors.ts';
import type { DeviceFacts } from '../contract/worker-type/worker-type.ts';
import { candidatesFor, rankDevices } from './device-choice.ts';

const gib = 2 ** 30;
const gpu = (id: string, free: number, fault?: string): DeviceFacts => ({
  id,
  kind: id.split(':')[0] ?? '',
  name: id,
  memory: { total: 24 * gib, free },
  ...(fault ? { fault } : {}),
});
const cpu: DeviceFacts = { id: 'cpu', kind: 'cpu', name: 'cpu', memory: { total: 64 * gib, free: 60 * gib } };
const variants = [
  { id: 'cpu', devices: ['cpu'] },
  { id: 'cuda', devices: ['cuda'] },
  { id: 'vulkan', devices: ['vulkan'] },
];
const ids = (candidates: ReturnType<typeof rankDevices>) =>
  candidates.map(({ variant, device }) => `${variant}@${[device.kind, ...device.indices].join(':')}`);
const spawn = (device: string) => `rbee worker spawn --device ${device}`;

test('the GPU with the most free memory comes first and the processor last', () => {
  const devices = [cpu, gpu('cuda:0', 2 * gib), gpu('cuda:1', 20 * gib), gpu('vulkan:0', 24 * gib)];
  assert.deepEqual(ids(rankDevices(variants, devices, new Map())), [
    'cuda@cuda:1',
    'cuda@cuda:0',
    'vulkan@vulkan:0',
    'cpu@cpu',
  ]);
});

test('memory reserved for loading workers counts as used', () => {
  const devices = [gpu('cuda:0', 10 * gib), gpu('cuda:1', 12 * gib)];
  assert.deepEqual(ids(rankDevices(variants, devices, new Map([['cuda:1', 8 * gib]]))), ['cuda@cuda:0', 'cuda@cuda:1']);
});

test('a faulty device is never chosen', () => {
  assert.deepEqual(ids(rankDevices(variants, [cpu, gpu('cuda:0', 20 * gib, 'GPU requires reset')], new Map())), [
    'cpu@cpu',
  ]);
});

test('a missing device is refused with a list of devices and a command to run', () => {
  assert.throws(
    () => candidatesFor('cuda:0', variants, [cpu], 'local', spawn),
    (error: RbeeError) => {
      assert.equal(error.code, 'DEVICE_NOT_FOUND');
      assert.equal(error.message, 'there is no cuda:0 on hive local; it has cpu');
      assert.equal(error.hint, 'try: rbee worker spawn --device cpu');
      return true;
    },
  );
});

test('every one of several devices must exist', () => {
  const devices = [cpu, gpu('cuda:0', gib)];
  assert.throws(() => candidatesFor('cuda:0,1', variants, devices, 'local', spawn), /there is no cuda:1/);
  assert.deepEqual(ids(candidatesFor('cuda', variants, devices, 'local', spawn)), ['cuda@cuda:0']);
});

test('text that is not a device is refused as invalid', () => {
  for (const text of ['', 'cuda:', 'cuda:x', 'cuda:0,0', 'cpu:3', '../etc', 'cuda:0;rm']) {
    assert.throws(
      () => candidatesFor(text, variants, [cpu], 'local', spawn),
      (error: RbeeError) => error instanceof RbeeError && error.code === 'DEVICE_INVALID',
      text,
    );
  }
});
