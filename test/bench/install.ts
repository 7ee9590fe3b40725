/**
 * Installs plugins from a registry on loopback with the commands that users type. All caches are warm: npm's, which
 * both sides use, and the registry's. rbee's pins are removed before each round, so every install resolves again.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import llamacpp from '../../plugins/worker-llamacpp/index.ts';
import { type Bench, row } from './harness/bench.ts';
import { type BenchHome, startRbee } from './harness/home.ts';
import { installTinyOclif } from './harness/oclif.ts';
import { type Packages, plainName, startPackages } from './harness/packages.ts';
import { timeOf } from './harness/programs.ts';
import { interleave } from './harness/samples.ts';

const llamacppName = '@rbee/worker-llamacpp';

export const install: Bench = async ({ rounds, cleanup }) => {
  const packages = await startPackages(cleanup);
  const oclif = await installTinyOclif(cleanup, packages);
  const rbee = await startRbee(cleanup, {
    plugins: [],
    conf: `[registry]\nurl = "${packages.registry.url}"\n`,
    env: { HOME: packages.env['HOME'] },
  });
  const plain = await interleave(rounds, {
    rbee: () => installWith(rbee, plainName),
    oclif: async () => {
      const time = await oclif.run('plugins', 'install', plainName);
      await oclif.run('plugins', 'uninstall', plainName);
      return time;
    },
  });
  const tree = await interleave(Math.min(rounds, 5), {
    rbee: () => installWith(rbee, llamacppName, '--variant', 'cpu'),
    npm: () => installByNpm(packages),
  });
  return [
    row({
      what: 'rbee plugins install, a plugin without dependencies',
      unit: 'ms',
      value: plain.rbee,
      baseline: { name: 'oclif plugins install', value: plain.oclif },
      aim: { of: 'ratio', atMost: 0.5 },
    }),
    row({
      what: 'rbee plugins install, worker-llamacpp for cpu',
      unit: 'ms',
      value: tree.rbee,
      baseline: { name: 'npm install of the same tree', value: tree.npm },
      aim: { of: 'ratio', atMost: 1.2 },
    }),
  ];
};

/** Removes it again. */
const installWith = async (rbee: BenchHome, name: string, ...flags: string[]): Promise<number> => {
  const command = (...args: string[]) => timeOf([rbee.program, 'plugins', ...args], rbee.env);
  const time = await command('install', name, ...flags);
  await command('uninstall', name);
  await command('prune', '--all');
  rmSync(join(rbee.home.paths.config, 'rbee.lock'), { force: true });
  return time;
};

/** Into an empty folder, and like rbee without what a cpu build does not need. */
const installByNpm = async ({ npm, registry }: Packages): Promise<number> => {
  const folder = join(registry.folder, 'by-npm');
  mkdirSync(join(folder, 'left-out'), { recursive: true });
  writeFileSync(join(folder, 'left-out/package.json'), '{ "name": "left-out", "version": "0.0.0", "private": true }\n');
  const overrides = Object.fromEntries(leftOut().map((name) => [name, 'file:./left-out']));
  const manifest = { private: true, dependencies: { [llamacppName]: '*' }, overrides };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  try {
    return await npm(folder, 'install', '--ignore-scripts', '--omit=dev', '--omit=peer');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const leftOut = (): string[] => {
  const packages = llamacpp.variants.find(({ id }) => id === 'cpu')?.packages;
  const here = packages?.on?.[`${process.platform}-${process.arch}`]?.include ?? [];
  const kept = new Set([...(packages?.include ?? []), ...here]);
  return (packages?.leaveOut ?? []).filter((name) => !kept.has(name));
};
