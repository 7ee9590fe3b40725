import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ModelFacts, PreparedLaunch } from '@rbee/contract';
import plugin from './index.ts';
import { abilities, slots, unserved } from './serves.ts';

const launch = (id: string, options: object = {}, version?: string, more: Partial<PreparedLaunch> = {}) =>
  ({
    variant: 'cpu',
    device: { kind: 'cpu', indices: [] },
    deviceFlags: { args: [], env: {} },
    options: { ...options },
    binary: { id, kind: id === 'builtin' ? 'module' : 'path', path: '/x', argv: ['/x'] },
    models: { main: '/model.gguf' },
    ...(version !== undefined && { probes: { 'llama-server-version': version } }),
    ...more,
  }) satisfies PreparedLaunch;

const model = (metadata: ModelFacts['metadata']): Partial<PreparedLaunch> => ({
  model: { reference: 'file:/model.gguf', format: 'gguf', bytes: 1, metadata },
});

describe('what a worker does not serve', () => {
  const missing = (...args: Parameters<typeof launch>) => unserved(launch(...args)).map(({ path }) => path);

  it('depends on its options and its build', () => {
    assert.deepEqual(missing('llama-server', {}, 'b10900'), ['/v1/embeddings']);
    assert.deepEqual(missing('llama-server', { embeddings: true }, 'b10900'), []);
    assert.deepEqual(missing('llama-server', { embeddings: true }, 'b7500'), ['/v1/responses']);
    const old = ['/v1/responses', '/v1/messages', '/v1/messages/count_tokens'];
    assert.deepEqual(missing('llama-server', { embeddings: true }, 'b5000'), old);
    // A build without a version is assumed to be new.
    assert.deepEqual(missing('llama-server', { embeddings: true }, '0.5.0'), []);
    assert.deepEqual(missing('builtin'), []);
  });

  it('comes with a hint how to serve it', () => {
    const [responses, embeddings] = unserved(launch('llama-server', {}, 'b7500'));
    assert.match(String(responses?.hint), /b7793 or newer, and this is b7500/);
    assert.match(String(embeddings?.hint), /--option embeddings=true/);
  });

  it('is everything but the three common paths on the builtin engine', () => {
    const everywhere = plugin.serves.filter(({ needs }) => needs === undefined).map(({ path }) => path);
    assert.deepEqual(everywhere, ['/v1/chat/completions', '/v1/completions', '/v1/embeddings']);
  });
});

describe('what a model can do', () => {
  const header = {
    'general.architecture': 'llama',
    'llama.context_length': 2048,
    'llama.embedding_length': 64,
    'tokenizer.chat_template': '{% if tools %}{{ tools }}{% endif %}',
  };

  it('is read from its header and the options', () => {
    assert.deepEqual(abilities(launch('llama-server', { context: 4096 }, 'b10900', model(header))), {
      vision: false,
      tools: true,
      contextLength: 2048,
    });
    assert.deepEqual(abilities(launch('builtin', { context: 1024 }, undefined, model(header))), {
      vision: false,
      tools: false,
      contextLength: 1024,
      dimensions: 64,
    });
    const embeds = abilities(launch('llama-server', { embeddings: true }, 'b10900', model(header)));
    assert.equal(embeds.dimensions, 64);
  });

  it('is absent if the header does not say', () => {
    const silent = abilities(launch('llama-server', { context: 512, embeddings: true }, 'b10900', model({})));
    assert.deepEqual(silent, { vision: false, contextLength: 512 });
    const chatml = abilities(launch('llama-server', { chat_template: 'chatml' }, 'b10900', model(header)));
    assert.equal(chatml.tools, false);
  });
});

it('includes the number of slots from the option', () => {
  assert.equal(slots({}), 4);
  assert.equal(slots({ slots: 9 }), 9);
});
