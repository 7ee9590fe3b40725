/** A registry on loopback with what the benches install, and npm in its own environment. */
import { join } from 'node:path';
import { type Registry, startRegistry, writePackage } from '../../harness/registry.ts';
import { plainEnv, root, timeOfProgram } from './programs.ts';

export const plainName = '@rbee/worker-plain';

export interface Packages {
  registry: Registry;
  /** For npm and everything that runs it: the registry, a separate home and a cache. */
  env: NodeJS.ProcessEnv;
  /** Runs npm in a folder; returns milliseconds. */
  npm(folder: string, ...args: string[]): Promise<number>;
}

/**
 * A plugin without dependencies, and worker-llamacpp with all of its own; third-party packages come from the upstream.
 */
export const startPackages = async (cleanup: AsyncDisposableStack): Promise<Packages> => {
  const registry = await startRegistry({ uplink: ['**'] });
  cleanup.defer(() => registry.close());
  registry.publish(writePackage(join(registry.folder, 'plain'), plainPlugin('plain')));
  for (const folder of ['core/worker-server', 'plugins/worker-llamacpp']) registry.publish(join(root, folder));
  const quiet = { npm_config_registry: registry.url, npm_config_audit: 'false', npm_config_fund: 'false' };
  const env = plainEnv({ ...registry.env, ...quiet });
  return { registry, env, npm: (folder, ...args) => timeOfProgram('npm', args, { env, cwd: folder }) };
};

/** The files of a package that is both an rbee plugin and an oclif plugin, so that both can install it. */
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
