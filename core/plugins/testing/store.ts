/** For tests: a new store whose npm uses only one registry. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NarrationEvent } from '../../contract/api/narration.ts';
import { Installer, type InstallerOptions, type InstallRequest } from '../install/installer.ts';

export interface TestStore {
  installer: Installer;
  data: string;
  /** The user's home, with npm's configuration and cache. */
  home: string;
  said: NarrationEvent[];
  install(plugin: string, more?: Partial<InstallRequest>): ReturnType<Installer['install']>;
}

/** A store below `folder`. */
export const testStore = async (
  folder: string,
  registry: { url: string },
  { env, ...more }: Partial<InstallerOptions> = {},
): Promise<TestStore> => {
  const place = await mkdtemp(join(folder, 'store-'));
  const [data, home] = [join(place, 'data'), join(place, 'home')];
  for (const one of [data, home]) await mkdir(one);
  await writeFile(join(home, '.npmrc'), 'fetch-retries=0\nfetch-timeout=5000\n');
  const said: NarrationEvent[] = [];
  const installer = new Installer({
    hive: 'local',
    data,
    config: join(place, 'config'),
    cache: join(folder, 'cache'),
    env: { PATH: process.env['PATH'], HOME: home, ...env },
    registry: { url: registry.url, allowedScopes: [] },
    target: async () => ({ os: process.platform, cpu: process.arch }),
    chooseVariant: async ([type]) => type?.manifest.variants[0] ?? '',
    rootsInUse: async () => [],
    onChange: async () => {},
    ...more,
  });
  const call = { signal: new AbortController().signal, narrate: (event: NarrationEvent) => void said.push(event) };
  return { installer, data, home, said, install: (plugin, request) => installer.install({ plugin, ...request }, call) };
};
