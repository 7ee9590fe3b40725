/** Files that a machine without internet needs for an engine, fetched by this one on its behalf. */
import { join } from 'node:path/posix';
import { RbeeError } from '../../contract/errors.ts';
import type { ProgramNeeds } from '../../contract/plugins.ts';
import type { BinaryContext } from './context.ts';
import { downloadsFolder } from './places.ts';
import { asStep } from './progress.ts';

export interface BroughtFile {
  /** Absolute path here. */
  file: string;
  /** Absolute path on that machine. */
  path: string;
  sha256: string;
}

export type BringContext = Pick<BinaryContext, 'fetcher' | 'narrate' | 'signal'> & { cache: string };

/**
 * Those of the first source that consists of files and is not whole there; none where the program is there already. `what`
 * names the engine in errors. Errors: DOWNLOAD_FAILED, CHECKSUM_MISMATCH, NO_SPACE, STATE_UNWRITABLE; INSTALL_FAILED where
 * an engine comes from a registry of packages, which the machine itself has to reach.
 */
export const bringDownloads = async (
  what: string,
  { ready, sources, downloads }: ProgramNeeds,
  { fetcher, cache, narrate, signal }: BringContext,
): Promise<BroughtFile[]> => {
  if (ready) return [];
  const source = sources.find(({ kind }) => kind === 'archive');
  if (!source) {
    const kinds = sources.map(({ kind }) => (kind === 'npm' ? 'npm' : 'a registry of Python packages')).join(', ');
    const problem = kinds === '' ? 'no program for it can be installed there' : `it comes from ${kinds}`;
    throw RbeeError.of('INSTALL_FAILED', {
      what,
      problem,
      hint: 'give the machine a way to the internet (HTTPS_PROXY), or install the program on it',
    });
  }
  const brought: BroughtFile[] = [];
  for (const { url, sha256, there } of source.files) {
    if (there) continue;
    const name = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '') || 'download';
    const step = {
      id: `bring-${sha256.slice(0, 12)}`,
      text: `downloading ${name}`,
      done: `downloaded ${name}`,
      unit: 'bytes',
    };
    const to = downloadsFolder({ cache });
    const file = await asStep(narrate, step, (onProgress) => fetcher.fetch(url, { to, sha256, signal, onProgress }));
    brought.push({ file, path: join(downloads, sha256), sha256 });
  }
  return brought;
};
