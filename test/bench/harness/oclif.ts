/** The smallest oclif command line with plugin-plugins: the baseline for a program that installs plugins. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePackage } from '../../harness/registry.ts';
import type { Packages } from './packages.ts';
import { timeOf } from './programs.ts';

export interface TinyOclif {
  /** Runs a command to its end; returns milliseconds. */
  run(...args: string[]): Promise<number>;
}

/** Installs it from the registry and uses it once, so that its caches are filled. */
export const installTinyOclif = async (cleanup: AsyncDisposableStack, packages: Packages): Promise<TinyOclif> => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-bench-oclif-')));
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const dependencies = { '@oclif/core': '5.1.9', '@oclif/plugin-plugins': '7.0.0' };
  writePackage(folder, {
    'package.json': JSON.stringify({
      name: 'tiny',
      version: '1.0.0',
      private: true,
      type: 'module',
      dependencies,
      oclif: { bin: 'tiny', dirname: 'tiny', topicSeparator: ' ', plugins: ['@oclif/plugin-plugins'] },
    }),
    'run.js':
      "import { execute } from '@oclif/core/execute';\nawait execute({ dir: import.meta.url, development: false });\n",
  });
  await packages.npm(folder, 'install', '--omit=dev', '--ignore-scripts');
  const home = join(folder, 'home');
  mkdirSync(home);
  const places = Object.fromEntries(['DATA', 'CONFIG', 'CACHE', 'STATE'].map((kind) => [`XDG_${kind}_HOME`, home]));
  const env = { ...packages.env, ...places, TINY_NPM_REGISTRY: packages.registry.url };
  return { run: (...args) => timeOf([join(folder, 'run.js'), ...args], env) };
};
