/**
 * Removes functions that Node's permission model still allows: signals and priorities of other processes, and V8 options
 * that write files. Runs in the evaluator process before any plugin code.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';

const require = createRequire(import.meta.url);

const refused = (name: string) => (): never => {
  throw Object.assign(new Error(`Access to this API has been restricted: ${name}`), { code: 'ERR_ACCESS_DENIED' });
};

const takeAway = (owner: object, name: string, label: string): void => {
  if (!(name in owner)) return;
  Object.defineProperty(owner, name, { value: refused(label), writable: false, configurable: false });
};

/** Functions that affect other processes or write files, by module. Those with an underscore are called by the others. */
const reaching: Record<string, readonly string[]> = {
  process: ['kill', '_kill', '_debugProcess', '_debugEnd'],
  os: ['setPriority'],
  v8: ['setFlagsFromString', 'setHeapSnapshotNearHeapLimit', 'writeHeapSnapshot'],
};

export const confine = (): void => {
  for (const [place, names] of Object.entries(reaching)) {
    const owner: object = require(`node:${place}`);
    for (const name of names) takeAway(owner, name, `${place}.${name}`);
  }
  // Named imports of built-in modules are copies, so update them too.
  syncBuiltinESMExports();
};
