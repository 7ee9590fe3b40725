/** A registry on loopback with what the benches install, and npm in an environment of its own. */
import { join } from 'node:path';
import { type Registry, startRegistry, writePackage } from '../../harness/registry.ts';
import { plainEnv, root, timeOfProgram } from './programs.ts';

export const plainName = '@rbee/worker-plain';

export interface Packages {
  registry: Registry;
  /** Of npm and of everything that runs it: the registry, a home and a cache of their own. */
  env: NodeJS.ProcessEnv;
  /** Runs npm in a folder; milliseconds. */
  npm(folder: string, ...args: string[]): Promise<number>;
}

/** A plugin that needs nothing, and worker-llamacpp with all it needs; what is not ours comes from the registry outside. */
export const startPackages = async (cleanup: AsyncDisposableStack): Promise<Packages> => {
  const registry = await startRegistry({ uplink: ['**'] });
  cleanup.defer(() => registry.close());
  registry.publish(writePackage(join(registry.folder, 'plain'), plainPlugin('plain')));
  for (const folder of ['core/worker-server', 'plugins/worker-llamacpp']) registry.publish(join(root, folder));
  const quiet = { npm_config_registry: registry.url, npm_config_audit: 'false', npm_config_fund: 'false' };
  const env = plainEnv({ ...registry.env, ...quiet });
  return { registry, env, npm: (folder, ...args) => timeOfProgram('npm', args, { env, cwd: folder }) };
};

/** The files of a plugin of rbee and of oclif at once, so that both can install the same package. */
export const plainPlugin = (type: string): Record<string, string> => {
  const workerTypes = { [type]: { entry: './index.js', serves: ['/v1/plain'], variants: ['cpu'] } };
  return {
    'package.json': JSON.stringify({
      name: `@rbee/worker-${type}`,
      version: '1.0.0',
      description: 'A worker type without dependencies',
      license: 'MIT',
      type: 'module',
      keywords: ['rbee-worker', 'oclif-plugin'],
      rbee: { api: 1, workerTypes },
      oclif: { commands: './commands' },
    }),
    'index.js': `export default { name: '${type}', apiVersion: 1, serves: [{ path: '/v1/plain', kind: 'other' }],
  variants: [{ id: 'cpu', resolveBinary: [{ kind: 'module', id: 'server', script: 'server.js' }] }],
  command: ['{port}'], health: { ready: { mode: 'poll', path: '/' } } };
`,
    'server.js': 'export {};\n',
    [`commands/${type}.js`]: 'export default class Plain { static async run() {} }\n',
  };
};
