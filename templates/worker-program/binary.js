/** Binary resolution: the builds of the program, where each runs, and where it comes from. */
/** @import { BinaryRequest, BinarySource, Variant } from '@rbee/contract' */

/**
 * A program that is already on the machine: named by a variable in the hive's environment, or found on its PATH.
 *
 * @type {BinarySource}
 */
const installed = {
  kind: 'path',
  id: 'my-engine-server',
  program: 'my-engine-server',
  variable: 'RBEE_MY_ENGINE',
};

/**
 * The program's own releases, by variant and platform. Fill in file names and SHA-256.
 *
 * @type {Readonly<Record<string, { file: string, sha256: string }>>}
 */
const releases = {
  'cpu linux x64': { file: 'my-engine-linux-x64.tar.gz', sha256: '0'.repeat(64) },
  'cpu linux arm64': { file: 'my-engine-linux-arm64.tar.gz', sha256: '0'.repeat(64) },
  'cuda linux x64': { file: 'my-engine-linux-x64-cuda.tar.gz', sha256: '0'.repeat(64) },
};
const releaseFolder = 'https://example.com/my-engine/releases/1.0.0';

/**
 * @param {string} variant
 * @param {BinaryRequest} request
 * @returns {BinarySource[]}
 */
const sources = (variant, { platform }) => {
  const release = releases[`${variant} ${platform.os} ${platform.cpu}`];
  if (release === undefined) return [installed];
  const { file, sha256 } = release;
  const url = `${releaseFolder}/${file}`;
  return [installed, { kind: 'archive', id: 'my-engine-server', url, sha256, member: 'bin/my-engine-server' }];
};

/** @type {Variant[]} */
export const variants = [
  {
    id: 'cpu',
    binds: 'cpu',
    platforms: ['linux-x64', 'linux-arm64'],
    deviceFlags: { args: ['--device', 'cpu'] },
    resolveBinary: (request) => sources('cpu', request),
  },
  {
    id: 'cuda',
    binds: 'cuda',
    platforms: ['linux-x64'],
    deviceFlags: { args: ['--device', 'cuda'] },
    resolveBinary: (request) => sources('cuda', request),
  },
];
