/**
 * The process that talks to registries and unpacks packages. npm's libraries use tens of megabytes and process
 * untrusted data, so they run outside the daemon. It takes calls over IPC and exits with its parent.
 */
import { join } from 'node:path';
import type { FetchAnswer, FetchCall, FetchFailure, FetchProgress } from './fetch-calls.ts';
import { asFailure } from './fetch-error.ts';
import { readNpmConfig } from './npm-config.ts';
import { refusalOf } from './registry-access.ts';
import { resolvePackage } from './resolve.ts';
import { searchPlugins } from './search.ts';
import { takeMember } from './take-member.ts';
import { saveTarball } from './tarball.ts';
import { unpackPackage } from './unpack-package.ts';

const perform = async (call: FetchCall, onProgress: (bytes: number) => void): Promise<unknown> => {
  const options = await readNpmConfig({ ...call.settings, env: process.env });
  switch (call.kind) {
    case 'resolve':
      return resolvePackage(call.source, call.folder, options);
    case 'unpack': {
      const { name, version, integrity, tarball, registry } = call.found;
      const what = `${name}@${version}`;
      const file = registry === null ? tarball : join(call.folder, 'package.tgz');
      if (registry !== null) await saveTarball({ spec: what, file, options, resolved: tarball, integrity });
      return unpackPackage(file, join(call.folder, 'package'), what);
    }
    case 'search':
      return searchPlugins(call.text, options);
    case 'take': {
      const { name, version, integrity, member } = call.from;
      const what = `${name}@${version}`;
      const packed = join(call.folder, 'package.tgz');
      await saveTarball({ spec: what, file: packed, options, integrity, onProgress });
      return takeMember(packed, member, join(call.folder, 'member.zst'), what);
    }
  }
};

/** Adds which credentials were used if the registry refuses. */
const explained = async (failure: FetchFailure, { settings }: FetchCall, error: unknown): Promise<FetchFailure> => {
  const { statusCode = 401 } = error as { statusCode?: number };
  if (failure.kind !== 'denied') return failure;
  const { registry, problem, hint } = await refusalOf(
    statusCode,
    { name: failure.what },
    { ...settings, env: process.env },
  );
  return { ...failure, problem, access: { registry, hint } };
};

const subject = (call: FetchCall): string => {
  if (call.kind === 'unpack') return `${call.found.name}@${call.found.version}`;
  if (call.kind === 'take') return `${call.from.name}@${call.from.version}`;
  if (call.kind === 'search') return 'the search';
  if (call.source.kind === 'registry') return call.source.candidates[0]?.name ?? '';
  return call.source.kind === 'tarball' ? call.source.file : call.source.url;
};

/** More frequent progress would not be noticed. */
const progressOf = (id: number): ((bytes: number) => void) => {
  let next = 0;
  return (bytes) => {
    const now = performance.now();
    if (now < next) return;
    next = now + 200;
    process.send?.({ id, bytes } satisfies FetchProgress);
  };
};

process.on('message', async ({ id, call }: { id: number; call: FetchCall }) => {
  let answer: FetchAnswer;
  try {
    answer = { id, value: await perform(call, progressOf(id)) };
  } catch (error) {
    answer = { id, failure: await explained(asFailure(error, subject(call)), call, error) };
  }
  process.send?.(answer);
});
process.on('disconnect', () => process.exit(0));
