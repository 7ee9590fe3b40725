/** Downloads the files of an engine on behalf of a machine without internet access. */
import { RbeeError } from '../contract/errors.ts';
import type { BinarySource } from '../contract/worker-type/worker-type.ts';
import type { BinaryContext } from './context.ts';
import { isInstallable } from './installer.ts';
import { downloadsFolder } from './places.ts';
import { asStep } from './progress.ts';
import { checkSource } from './source-check.ts';

export interface BroughtFile {
  /** Absolute path on this machine. */
  file: string;
  /** 64 lower-case hexadecimal digits: its name in the download cache of that machine. */
  sha256: string;
}

export interface BringContext extends Pick<BinaryContext, 'fetcher' | 'narrate' | 'signal'> {
  /** Name of the engine in errors. */
  what: string;
  /** The plugin whose sources these are. */
  plugin: { package: string; version: string };
  /** Cache folder of this machine. */
  cache: string;
}

/**
 * The files of the first source that consists of files. `sources` must come from the plugin on this machine, never from
 * the other machine. Errors: DOWNLOAD_FAILED, CHECKSUM_MISMATCH, NO_SPACE, PLUGIN_INVALID, STATE_UNWRITABLE;
 * INSTALL_FAILED if an engine comes from a package registry, which the machine must reach itself.
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
      hint: 'give the machine internet access (HTTPS_PROXY), or install the program on it',
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
