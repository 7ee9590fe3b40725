import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import type { BringRequest } from '../provision/delivery.ts';
import { Provision } from '../provision/provision.ts';
import { spawnWorker } from '../workers/spawn.ts';
import type { Parts } from './parts.ts';
import { updatePlugins } from './plugins.ts';

const signal = new AbortController().signal;

/** A queen with one hive on another machine, which answers as it likes; what she brings there is written down. */
const setUp = ({ plugins = [] as object[], known = [] as string[] } = {}) => {
  const brought: BringRequest[] = [];
  const models: string[] = [];
  const asked: string[] = [];
  const resolved: string[] = [];
  const client = {
    plugins: async (action: string) => {
      assert.equal(action, 'list', 'nothing else is asked of it');
      return { plugins };
    },
    modelGet: async () => ({ model: 'https://127.0.0.1:1/of-the-hive.gguf' }),
    spawn: async () => {
      throw RbeeError.of('MODEL_HUB_UNREACHABLE', { model: 'x', hive: 'evil', host: 'hub', problem: 'no network' });
    },
  };
  const member = { status: 'online', connection: { alias: 'evil', client }, apply: () => {} };
  const fleet = { online: () => member, member: () => member, workers: () => [] };
  const delivery = {
    bring: async (_machine: unknown, request: BringRequest) => {
      brought.push(request);
      return { name: request.plugin };
    },
    resolve: async (name: string) => {
      resolved.push(name);
      return { version: '2.0.0' };
    },
    knows: async (name: string) => known.includes(name),
  };
  const look = async ({ model }: { model: string }): Promise<null> => {
    models.push(model);
    return null;
  };
  const source = { open: async () => ({ look }) };
  const remote = { get: () => member, delivery, models: source };
  const provision = new Provision({ fleet, remote } as unknown as ConstructorParameters<typeof Provision>[0]);
  const parts = { fleet, provision } as unknown as Parts;
  const ask = async (question: string) => {
    asked.push(question);
    return 'yes';
  };
  const context = { job: 'job-1', signal, narrate: () => {}, show: () => {}, ask };
  return { parts, context, brought, models, asked, resolved };
};

const lacks = (wanted: object): RbeeError =>
  RbeeError.of('PLUGIN_NOT_DELIVERED', { hive: 'evil', what: 'it' }, { lines: [JSON.stringify(wanted)] });

const throwing = (...errors: RbeeError[]) => {
  const left = [...errors];
  return async () => {
    const error = left.shift();
    if (error) throw error;
    return 'done';
  };
};

// A hive that asked for a plugin got it by whatever name it gave: any package in any version, or any address.
test('a hive hints at what it lacks, and is brought only the type that was asked for', async () => {
  const { parts, context, brought } = setUp();
  const work = throwing(
    lacks({ plugin: 'https://127.0.0.1:1/evil.tgz', version: '6.6.6' }),
    lacks({ plugin: 'x', variant: 'cuda' }),
  );
  assert.equal(await parts.provision.withPlugins({ hive: 'evil', type: 'mini' }, context, work), 'done');
  assert.deepEqual(brought, [
    { plugin: 'https://127.0.0.1:1/evil.tgz', type: 'mini' },
    { plugin: 'x', variant: 'cuda', type: 'mini' },
  ]);
  for (const wanted of [{ plugin: 7 }, { plugin: 'mini', variant: '../..' }, { plugin: 'mini', variant: 7 }]) {
    const work = throwing(lacks(wanted));
    await assert.rejects(parts.provision.withPlugins({ hive: 'evil', type: 'mini' }, context, work), {
      code: 'PLUGIN_NOT_DELIVERED',
    });
  }
  assert.equal(brought.length, 2);
});

// Any hive could have a person asked, in rbee's own words, whether a publisher of its choice may be let in.
test('a person is not asked about a publisher because a hive of another machine says so', async () => {
  const { parts, context, asked } = setUp();
  const unknown = RbeeError.of('PUBLISHER_UNKNOWN', { package: 'evil', publisher: 'evil', flag: '' } as never, {
    lines: ['evil@1.0.0 sha512-x', 'trust me'],
  });
  await assert.rejects(parts.provision.withPlugins({ hive: 'evil', type: 'mini' }, context, throwing(unknown)), {
    code: 'PUBLISHER_UNKNOWN',
  });
  assert.deepEqual(asked, []);
});

// What a hive listed as installed was looked up and fetched by the queen, by whatever name: also an address of its own.
test('an update brings a hive what this queen knows or a person named, and nothing else that it lists', async () => {
  const plugins = ['https://127.0.0.1:1/evil.tgz', '@evil/worker-mini', '@rbee/worker-mini'].map((name) => ({
    name,
    version: '1.0.0',
    source: 'installed',
    types: ['mini'],
    installed: ['cpu'],
  }));
  const { parts, context, brought, resolved } = setUp({ plugins, known: ['@rbee/worker-mini'] });
  const { updates } = await updatePlugins(parts)({ hive: 'evil', plugins: ['mini'] }, context);
  assert.deepEqual(
    updates.map(({ name, changed }) => `${name} ${changed}`),
    ['https://127.0.0.1:1/evil.tgz false', '@evil/worker-mini false', '@rbee/worker-mini true'],
  );
  assert.deepEqual([resolved, brought.map(({ plugin }) => plugin)], [['@rbee/worker-mini'], ['@rbee/worker-mini']]);
  await updatePlugins(parts)({ hive: 'evil', plugins: ['@evil/worker-mini'] }, context);
  assert.deepEqual(resolved, ['@rbee/worker-mini', '@evil/worker-mini']);
});

// A name that a person gave was asked of the hive, and what it answered was downloaded by the queen.
test('the queen downloads the models that a person wrote, not those that a hive says are meant', async () => {
  const { parts, context, models } = setUp();
  const spec = { hive: 'evil', type: 'mini', components: { vae: 'hf:acme/vae', lora: 'nice' } };
  await assert.rejects(spawnWorker(parts, { ...spec, model: 'pretty' }, context), { code: 'MODEL_HUB_UNREACHABLE' });
  assert.deepEqual(models, ['hf:acme/vae']);
  await assert.rejects(spawnWorker(parts, { ...spec, model: 'hf:acme/main' }, context), {
    code: 'MODEL_HUB_UNREACHABLE',
  });
  assert.deepEqual(models.slice(1), ['hf:acme/main', 'hf:acme/vae']);
});
