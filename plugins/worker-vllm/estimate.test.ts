import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { estimate } from './estimate.ts';

const gibibyte = 2 ** 30;
const model = { reference: 'file:/m', format: 'safetensors-dir', bytes: 16 * gibibyte, metadata: {} };
const launch = (variant: string, options: Record<string, unknown> = {}, indices = [0]) => ({
  variant,
  device: { kind: variant, indices },
  options,
  binary: { id: 'vllm' },
});

describe('the estimate of vllm', () => {
  it('counts weights, the cache of one request, and what the program uses on each GPU', () => {
    const { vram, ram } = estimate(model, launch('cuda', { max_model_len: 8192 }));
    assert.ok(vram > 18 * gibibyte && vram < 21 * gibibyte, String(vram / gibibyte));
    assert.ok(ram < 4 * gibibyte);
    const two = estimate(model, launch('cuda', { max_model_len: 8192 }, [0, 1]));
    assert.equal(two.vram - vram, 2 * gibibyte);
  });

  it('grows with the context, halves it in fp8, and uses an explicit cache size', () => {
    const of = (options: Record<string, unknown>) => estimate(model, launch('cuda', options)).vram;
    const [none, small, large] = [
      of({ max_model_len: 1 }),
      of({ max_model_len: 10_001 }),
      of({ max_model_len: 20_001 }),
    ];
    assert.ok(Math.abs(large - small - (small - none)) < 4);
    assert.ok(Math.abs(of({ max_model_len: 20_001, kv_cache_dtype: 'fp8' }) - none - (small - none)) < 1e6);
    assert.equal(of({ kv_cache_memory: 5 * gibibyte }) - of({ kv_cache_memory: 2 * gibibyte }), 3 * gibibyte);
  });

  it('counts no CUDA graphs with enforce_eager, and moves offloaded weights to main memory', () => {
    const plain = estimate(model, launch('cuda'));
    assert.equal(plain.vram - estimate(model, launch('cuda', { enforce_eager: true })).vram, gibibyte);
    const moved = estimate(model, launch('cuda', { cpu_offload_gib: 4 }));
    assert.deepEqual([plain.vram - moved.vram, moved.ram - plain.ram], [4 * gibibyte, 4 * gibibyte]);
  });

  it('counts only main memory on the CPU', () => {
    assert.deepEqual(estimate(model, launch('cpu', { cpu_kv_cache_gib: 4 }, [])), { ram: 22 * gibibyte, vram: 0 });
  });
});
