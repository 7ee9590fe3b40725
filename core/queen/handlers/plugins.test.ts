import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PluginRequestOf } from '../../contract/plugins.ts';
import { owner } from '../../gateway/access/caller.ts';
import { inspectPlugin, searchPlugins, updatePlugins } from './plugins.ts';
import type { QueenServices } from './services.ts';

/** A queen with a remote and a local hive; records the calls to them. */
const setUp = ({ plugins = [] as object[], known = [] as string[] } = {}) => {
  const brought: PluginRequestOf<'install'>[] = [];
  const resolved: string[] = [];
  const asked: string[] = [];
  const memberOf = (alias: string) => ({
    connection: {
      alias,
      client: {
        plugins: async (action: string) => {
          asked.push(`${action} ${alias}`);
          return { plugins };
        },
      },
    },
    state: { catalog: [{ type: 'mini', aliases: ['tiny'], plugin: '@rbee/worker-mini' }] },
  });
  const services = {
    fleet: { online: memberOf, member: memberOf },
    provision: {
      isRemote: (hive: string) => hive !== 'local',
      plugin: async (_hive: string, request: PluginRequestOf<'install'>) => void brought.push(request),
      resolve: async (name: string) => {
        resolved.push(name);
        return { version: '2.0.0' };
      },
      knows: async (name: string) => known.includes(name),
    },
  } as unknown as QueenServices;
  const { signal } = new AbortController();
  const ask = async (): Promise<string> => 'yes';
  const context = { job: 'job-1', caller: owner, signal, narrate: () => {}, show: () => {}, ask };
  return { services, context, brought, resolved, asked };
};

// The queen used to download whatever a hive listed as installed, even from an address in the list.
test('an update fetches for a hive only what this queen knows or a person named', async () => {
  const plugins = ['https://127.0.0.1:1/evil.tgz', '@evil/worker-mini', '@rbee/worker-mini'].map((name) => ({
    name,
    version: '1.0.0',
    source: 'installed',
    types: ['mini'],
    installed: ['cpu'],
  }));
  const { services, context, brought, resolved } = setUp({ plugins, known: ['@rbee/worker-mini'] });
  const { updates } = await updatePlugins(services)({ hive: 'evil', plugins: ['mini'] }, context);
  assert.deepEqual(
    updates.map(({ name, changed }) => `${name} ${changed}`),
    ['https://127.0.0.1:1/evil.tgz false', '@evil/worker-mini false', '@rbee/worker-mini true'],
  );
  assert.deepEqual(
    [resolved, brought.map(({ plugin }) => plugin)],
    [['@rbee/worker-mini'], ['@rbee/worker-mini@2.0.0']],
  );
  await updatePlugins(services)({ hive: 'evil', plugins: ['@evil/worker-mini'] }, context);
  assert.deepEqual(resolved, ['@rbee/worker-mini', '@evil/worker-mini']);
});

test('registry lookups go to this machine, and questions about installed plugins to the hive', async () => {
  const { services, context, asked } = setUp();
  for (const plugin of ['mini', 'tiny', '@rbee/worker-mini', '@acme/worker-none']) {
    await inspectPlugin(services)({ hive: 'pi', plugin }, context);
  }
  await searchPlugins(services)({ hive: 'pi' }, context);
  await inspectPlugin(services)({ plugin: 'other' }, context);
  assert.deepEqual(asked, ['inspect pi', 'inspect pi', 'inspect pi', 'inspect local', 'search local', 'inspect local']);
});
