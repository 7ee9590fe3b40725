/** The paths of ComfyUI's own API, which is forwarded unchanged. */
import type { ServedPath } from '@rbee/contract';

export const ownPaths: readonly ServedPath[] = [
  { path: '/prompt', method: 'any', kind: 'other' },
  { path: '/queue', method: 'any', kind: 'other' },
  { path: '/history', method: 'any', kind: 'other' },
  { path: '/history/*', method: 'GET', kind: 'other' },
  { path: '/interrupt', kind: 'other' },
  { path: '/free', kind: 'other' },
  { path: '/view', method: 'GET', kind: 'other' },
  { path: '/upload/*', kind: 'other' },
  { path: '/object_info', method: 'GET', kind: 'other' },
  { path: '/object_info/*', method: 'GET', kind: 'other' },
  { path: '/models', method: 'GET', kind: 'other' },
  { path: '/models/*', method: 'GET', kind: 'other' },
  { path: '/features', method: 'GET', kind: 'other' },
  { path: '/system_stats', method: 'GET', kind: 'other' },
  { path: '/ws', method: 'GET', kind: 'other' },
  // The same paths again, and newer ones.
  { path: '/api/*', method: 'any', kind: 'other' },
];
