/** Files that a machine without internet needs for an engine, fetched by this one on its behalf. */
import { RbeeError } from '../contract/errors.ts';
import type { BinarySource } from '../contract/worker-type.ts';
import type { BinaryContext } from './context.ts';
import { isInstallable } from './installer.ts';
import { downloadsFolder } from './places.ts';
import { asStep } from './progress.ts';
import { checkSource } from './source-check.ts';

export interface BroughtFile {
  /** Absolute path here. */
  file: string;
  /** 64 lower-case hexadecimal digits: its name among the downloads of that machine. */
  sha256: string;
}

export interface BringContext extends Pick<BinaryContext, 'fetcher' | 'narrate' | 'signal'> {
  /** Names the engine in errors. */
  what: string;
  /** The plugin whose sources these are. */
  plugin: { package: string; version: string };
  /** Cache folder of this machine. */
  cache: string;
}

/**
 * The files of the first source that consists of files. `sources` come from the plugin as this machine has it, never
 * from the other machine. Errors: DOWNLOAD_FAILED, CHECKSUM_MISMATCH, NO_SPACE, PLUGIN_INVALID, STATE_UNWRITABLE;
 * INSTALL_FAILED where an engine comes from a registry of packages, which the machine itself has to reach.
 */
export const bringDownloads = async (
  sources: readonly BinarySource[],
  { what, plugin, fetcher, cache, narrate, signal }: BringContext,
): Promise<BroughtFile[]> => {
  const installable = sources.filter(isInstallable).map((source) => checkSource(source, plugin));
  const source = installable.find((one) => one.kind === 'archive');
  if (!source) {
    const kinds = installable.map(({ kind }) => (kind === 'npm' ? 'npm' : 'a registry of Python packages')).join(', ');
    const problem = kinds === '' ? 'no program for it can be installed there' : `it comes from ${kinds}`;
    throw RbeeError.of('INSTALL_FAILED', {
      what,
      problem,
      hint: 'give the machine a way to the internet (HTTPS_PROXY), or install the program on it',
    });
  }
  const to = downloadsFolder({ cache });
  const brought: BroughtFile[] = [];
  for (const { url, sha256 } of [source, ...(source.overlays ?? [])]) {
    const name = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '') || 'download';
    const step = {
      id: `bring-${sha256.slice(0, 12)}`,
      text: `downloading ${name}`,
      done: `downloaded ${name}`,
      unit: 'bytes',
    };
    const file = await asStep(narrate, step, (onProgress) => fetcher.fetch(url, { to, sha256, signal, onProgress }));
    brought.push({ file, sha256 });
  }
  return brought;
};
