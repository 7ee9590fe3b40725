import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { estimate } from './estimate.ts';

const gibibyte = 2 ** 30;
const model = (bytes: number) => ({ reference: 'file:/m', format: 'onnx-dir', bytes, metadata: {} });
const launch = (variant: string, id: string, options = {}) => ({
  variant,
  device: { kind: variant, indices: variant === 'cpu' ? [] : [0] },
  options,
  binary: { id },
});

describe('the memory estimate of a worker', () => {
  it('counts the weights and one image, on the device that computes', () => {
    const onCpu = estimate(model(4 * gibibyte), launch('cpu', 'builtin'));
    assert.equal(onCpu.vram, 0);
    assert.ok(onCpu.ram > 5 * gibibyte && onCpu.ram < 8 * gibibyte, String(onCpu.ram));
    const onGpu = estimate(model(4 * gibibyte), launch('cuda', 'sd-server'));
    assert.ok(onGpu.vram > 5 * gibibyte && onGpu.vram < 7 * gibibyte, String(onGpu.vram));
    assert.ok(onGpu.ram < gibibyte);
  });

  it('grows with the image size, and moves to main memory with offload', () => {
    const plain = estimate(model(4 * gibibyte), launch('cuda', 'sd-server'));
    assert.ok(estimate(model(4 * gibibyte), launch('cuda', 'sd-server', { size: 768 })).vram > plain.vram);
    const offloaded = estimate(model(4 * gibibyte), launch('cuda', 'sd-server', { offload: true }));
    assert.ok(offloaded.vram < plain.vram && offloaded.ram > plain.ram);
  });

  it('is small for the demo model', () => {
    assert.ok(estimate(model(90_000), launch('cpu', 'builtin')).ram < 256 * 2 ** 20);
  });
});
