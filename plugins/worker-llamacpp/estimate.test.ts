import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { estimate } from './estimate.ts';

const gibibyte = 1024 ** 3;
/** A header like Llama 3 8B's. */
const model = {
  reference: 'file:/a.gguf',
  format: 'gguf',
  bytes: 5 * gibibyte,
  metadata: {
    'general.architecture': 'llama',
    'llama.block_count': 32,
    'llama.context_length': 8192,
    'llama.embedding_length': 4096,
    'llama.attention.head_count': 32,
    'llama.attention.head_count_kv': 8,
    'llama.vocab_size': 128_256,
  },
};
const launch = (variant: string, options: Record<string, unknown> = {}) => ({
  variant,
  device: { kind: variant, indices: [] },
  options: { context: 8192, slots: 1, ...options },
  binary: { id: 'llama-server' },
});
/** 2 (keys and values) × 32 layers × 1024 numbers × 2 bytes for each token. */
const context = 8192 * 131_072;

describe('the estimate', () => {
  it('counts weights and context', () => {
    const { ram, vram } = estimate(model, launch('cpu'));
    assert.equal(vram, 0);
    assert.ok(ram > model.bytes + context && ram < model.bytes + context + gibibyte);
  });

  it('counts the context once per slot, at most what the model was trained for', () => {
    const one = estimate(model, launch('cpu')).ram;
    assert.equal(estimate(model, launch('cpu', { slots: 3 })).ram - one, 2 * context);
    assert.equal(estimate(model, launch('cpu', { context: 1_000_000 })).ram, one);
  });

  it('halves the context for a quantized cache', () => {
    const saved = estimate(model, launch('cpu')).ram - estimate(model, launch('cpu', { cache_type_k: 'q8_0' })).ram;
    assert.ok(Math.abs(saved - (context / 2) * (1 - 17 / 32)) < 1000);
  });

  it('divides weights and context between RAM and VRAM by the layers on the GPU', () => {
    const all = estimate(model, launch('cuda'));
    assert.ok(all.vram > model.bytes + context && all.ram < gibibyte);
    const none = estimate(model, launch('cuda', { gpu_layers: '0' }));
    assert.equal(none.vram, 0);
    const half = estimate(model, launch('cuda', { gpu_layers: '16' }));
    assert.ok(half.vram > 0 && half.vram < all.vram && half.ram > all.ram);
  });

  it('estimates a model whose header says nothing', () => {
    const { ram } = estimate({ ...model, metadata: {} }, launch('cpu'));
    assert.ok(Number.isFinite(ram) && ram > model.bytes);
  });
});
