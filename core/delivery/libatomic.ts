/** libatomic, which Node needs and minimal systems lack: copied from this machine if it has the same platform. */
import { createHash } from 'node:crypto';
import { open, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleTarget } from './runtime.ts';

export interface Library {
  /** Absolute path here. */
  file: string;
  /** File name that the loader looks for. */
  name: string;
  sha256: string;
  size: number;
}

const name = 'libatomic.so.1';

/** CPU names in library folders, and in ELF headers. */
const machines: Readonly<Record<string, { triplet: string; elf: number }>> = {
  x64: { triplet: 'x86_64-linux-gnu', elf: 62 },
  arm64: { triplet: 'aarch64-linux-gnu', elf: 183 },
};

/** `here` is this machine, whose files are below `system`. Null if it has another platform or no such library: then the user must install it on `target`. */
export const findLibatomic = async (
  target: BundleTarget,
  here: BundleTarget,
  system = '/',
): Promise<Library | null> => {
  const machine = machines[here.cpu];
  if (here.os !== 'linux' || here.libc !== 'glibc' || !machine) return null;
  if (target.os !== here.os || target.cpu !== here.cpu || target.libc !== here.libc) return null;
  for (const folder of ['lib', 'usr/lib'].flatMap((one) => [join(one, machine.triplet), `${one}64`, one])) {
    const file = await realpath(join(system, folder, name)).catch(() => null);
    if (file === null || (await elfMachine(file)) !== machine.elf) continue;
    const bytes = await readFile(file);
    return { file, name, sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length };
  }
  return null;
};

/** The CPU a library is built for; null if it is not a library. */
const elfMachine = async (path: string): Promise<number | null> => {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(20);
    await file.read(head, 0, head.length, 0);
    return head.toString('latin1', 0, 4) === '\x7fELF' ? head.readUInt16LE(18) : null;
  } finally {
    await file.close();
  }
};
