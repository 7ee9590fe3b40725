/**
 * A number that belongs to one running test process; names of interfaces, addresses and the folder derive from it.
 *
 * An abstract unix socket holds it, which the kernel closes with the process. Anything that carries the number of a
 * slot that was just claimed is therefore a leftover of a dead process.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kill } from '../home.ts';
import { systemEnv } from './program.ts';

export interface Slot {
  number: number;
  folder: string;
  /** Ends a process when the slot is released, unless it ended before. */
  own(child: ChildProcess, end?: () => void): void;
  /** Ends the processes it owns, removes everything that carries the number, and frees it. */
  release(): Promise<void>;
}

const slots = 250;

export const claimSlot = async (): Promise<Slot> => {
  await sweepLeftovers();
  for (let nth = 0; nth < slots; nth++) {
    const number = 1 + ((process.pid + nth) % slots);
    const held = await hold(number);
    if (!held) continue;
    sweep(number);
    const folder = folderOf(number);
    mkdirSync(folder, { mode: 0o755 });
    const owned = new Map<ChildProcess, () => void>();
    const own: Slot['own'] = (child, end = () => child.kill('SIGKILL')) => {
      owned.set(child, end);
      child.once('exit', () => owned.delete(child));
    };
    const remove = (): void => {
      sweep(number);
      held.close();
    };
    // For a test that ends without closing its machines.
    const atExit = (): void => {
      for (const end of owned.values()) end();
      remove();
    };
    process.on('exit', atExit);
    const release = async (): Promise<void> => {
      process.off('exit', atExit);
      const ended = [...owned.keys()].map((child) => once(child, 'exit'));
      for (const [child, end] of owned) {
        child.ref();
        end();
      }
      await Promise.all(ended);
      remove();
    };
    return { number, folder, own, release };
  }
  throw new Error(`all ${slots} slots for test machines are in use`);
};

const folderPrefix = `rbee-machines-${process.getuid?.() ?? 0}-`;
const folderOf = (slot: number): string => join(tmpdir(), `${folderPrefix}${slot}`);
/** The bridge of a slot; ports of hosts are named after it. */
export const bridgeOf = (slot: number): string => `rbt${slot}`;

const hold = (slot: number): Promise<Server | null> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
    );
    server.listen(`\0rbee-test-machines-${slot}`, () => resolve(server.unref()));
  });

const sweepLeftovers = async (): Promise<void> => {
  const numbers = new Set<number>();
  for (const name of readdirSync(tmpdir()))
    if (name.startsWith(folderPrefix)) numbers.add(Number(name.slice(folderPrefix.length)));
  for (const name of readdirSync('/sys/class/net')) {
    const slot = /^rbt(\d+)/.exec(name)?.[1];
    if (slot !== undefined) numbers.add(Number(slot));
  }
  for (const number of numbers) {
    const held = await hold(number);
    if (!held) continue;
    sweep(number);
    held.close();
  }
};

const sweep = (slot: number): void => {
  const folder = folderOf(slot);
  endProcessesOf(folder);
  const bridge = bridgeOf(slot);
  // A port disappears with the namespace at its other end, but the kernel takes a while.
  const left = readdirSync('/sys/class/net').filter((name) => name === bridge || name.startsWith(`${bridge}-`));
  for (const name of left) spawnSync('ip', ['link', 'delete', name], { env: systemEnv });
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
};

/** Hosts in namespaces end with their init; the others are found by the home in their environment. */
const endProcessesOf = (folder: string): void => {
  for (let nth = 0; nth < 200; nth++) {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && belongsTo(name, folder));
    if (pids.length === 0) return;
    for (const pid of pids) kill(Number(pid));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
};

const belongsTo = (pid: string, folder: string): boolean => {
  try {
    const words = (file: string): string[] => readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');
    if (words('environ').some((word) => word.startsWith(`HOME=${folder}/`))) return true;
    const [program = '', ...args] = words('cmdline');
    return /(^|\/)(sshd|ssh-agent)\b/.test(program) && [program, ...args].some((word) => word.includes(`${folder}/`));
  } catch {
    return false;
  }
};
