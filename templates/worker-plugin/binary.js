/** Binary resolution: the builds of the engine, where each runs, and where its program comes from. */
/** @import { Variant } from '@rbee/contract' */

/**
 * The engine is plain JavaScript, so it runs wherever Node does. For a GPU build, add a variant with `binds` (the kind of
 * GPU) and `platforms`.
 *
 * @type {Variant[]}
 */
export const variants = [
  // A script of this package, run with the hive's own Node.
  { id: 'cpu', resolveBinary: [{ kind: 'module', id: 'builtin', script: 'server/main.js' }] },
];
