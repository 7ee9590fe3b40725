/** Another version of this rbee, for tests of version changes: a copy of the build that uses the same dependencies. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

export interface OtherRbee {
  /** Path of its command. */
  bin: string;
  remove(): void;
}

export interface OtherRbeeOptions {
  version: string;
  /** Its hive prints this and exits at once instead of running. */
  broken?: string;
}

export const otherRbee = ({ version, broken }: OtherRbeeOptions): OtherRbee => {
  // Below the repository, so that its packages are found.
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'other-rbee-'));
  for (const part of ['bin', 'dist', 'node_modules', 'plugin-index']) {
    cpSync(join(root, 'core', part), join(folder, part), { recursive: true });
  }
  const manifest = JSON.parse(readFileSync(join(root, 'core/package.json'), 'utf8'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version }));
  const commands = join(folder, 'dist/keeper/oclif.manifest.json');
  writeFileSync(commands, JSON.stringify({ ...JSON.parse(readFileSync(commands, 'utf8')), version }));
  if (broken !== undefined) {
    const text = `process.stderr.write(${JSON.stringify(`${broken}\n`)});\nprocess.exit(1);\n`;
    writeFileSync(join(folder, 'dist/hive/daemon.js'), text);
  }
  return { bin: join(folder, 'bin/rbee.js'), remove: () => rmSync(folder, { recursive: true, force: true }) };
};
