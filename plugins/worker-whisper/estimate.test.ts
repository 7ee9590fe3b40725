import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { estimate } from './estimate.ts';

const gibibyte = 1024 ** 3;
const model = { reference: 'file:/a', format: 'onnx-dir', bytes: gibibyte, metadata: {} };
const launch = (variant: string, options: Record<string, unknown> = {}, id = 'onnx') => ({
  variant,
  device: { kind: variant, indices: [] },
  options,
  binary: { id },
});

describe('the estimate', () => {
  it('counts one model per slot if the engine loads one for each', () => {
    const one = estimate(model, launch('cpu'));
    assert.equal(one.vram, 0);
    assert.ok(one.ram > gibibyte && one.ram < 2 * gibibyte);
    assert.ok(estimate(model, launch('cpu', { slots: 3 })).ram > one.ram + 2 * gibibyte);
    const server = (slots: number) => estimate(model, launch('cpu', { slots }, 'whisper-server')).ram;
    assert.equal(server(3), server(1));
  });

  it('counts the weights on the device that computes', () => {
    const { ram, vram } = estimate(model, launch('cuda'));
    assert.ok(vram > gibibyte && vram < 3 * gibibyte);
    assert.ok(ram < estimate(model, launch('cpu')).ram);
  });
});
