/**
 * Takes away what Node's permission model leaves to a process: signals to others, their priority, and switches of V8
 * that write files. Imported by the process that evaluates plugins, before any of their code.
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

/** Functions that reach outside of a process, by where they are found. Those with an underscore are what the others call. */
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
  // What is imported by name is a copy.
  syncBuiltinESMExports();
};
