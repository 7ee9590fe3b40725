/** Binary resolution: the builds of the engine, where each runs, and where its program comes from. */
import type { BinarySource, Variant } from '@rbee/core/contract';
import { deviceFlags } from './devices.ts';

/** A script of this package, run with the hive's own Node. */
const builtin: BinarySource = { kind: 'module', id: 'builtin', script: 'dist/server/main.js' };

/** The engine is plain JavaScript, so it runs wherever Node does. A build for GPUs is one more variant. */
export const variants: Variant[] = [
  {
    id: 'cpu',
    devices: ['cpu'],
    platforms: [
      { os: 'linux', cpu: 'x64' },
      { os: 'linux', cpu: 'arm64' },
      { os: 'darwin', cpu: 'arm64' },
      { os: 'darwin', cpu: 'x64' },
      { os: 'win32', cpu: 'x64' },
    ],
    fits: () => ({ fits: true }),
    deviceFlags,
    resolveBinary: () => [builtin],
  },
];
