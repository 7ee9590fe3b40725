/** Finds out who owns the socket on a loopback port: our process group, or another program that was faster. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';

/** `undefined`: the system cannot tell. */
export type SocketOwner = 'group' | 'stranger' | 'none' | undefined;

/**
 * Who receives a connection to `127.0.0.1:port`. `members` is called only when the leader itself has no such socket,
 * since it examines every process of the machine.
 */
export const socketOwner = async (
  port: number,
  leader: number,
  members: () => Promise<readonly number[]>,
): Promise<SocketOwner> => {
  const inodes = listeningInodes(port);
  if (inodes === undefined) return undefined;
  if (inodes.size === 0) return 'none';
  const byLeader = owns(leader, inodes);
  if (byLeader === true) return 'group';
  const others = (await members()).filter((pid) => pid !== leader).map((pid) => owns(pid, inodes));
  if (others.includes(true)) return 'group';
  return [byLeader, ...others].includes(undefined) ? undefined : 'stranger';
};

/** Inodes of the sockets that a connection to the loopback address would reach; undefined where there is no /proc. */
const listeningInodes = (port: number): Set<string> | undefined => {
  const found: Listening[] = [];
  let readable = false;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const socket of listening(table, port)) {
      readable = true;
      if (socket === null) continue;
      // The kernel prefers the most specific address, and the loopback address is the most specific.
      if (socket.rank === 0) return new Set([socket.inode]);
      found.push(socket);
    }
  }
  if (!readable) return undefined;
  const closest = Math.min(...found.map(({ rank }) => rank));
  return new Set(found.filter(({ rank }) => rank === closest).map(({ inode }) => inode));
};

export interface Listening {
  inode: string;
  /** 0: the loopback address, 1: any IPv4, 2: any IPv6. */
  rank: number;
}

/** About one row, so that the kernel generates no more than is read. */
const rowBytes = 150;

/**
 * The listening sockets on a port; null for every other row. The kernel lists listening sockets first, and needs
 * milliseconds to walk the table of connections after them, so reading stops where they end.
 */
function* listening(table: string, port: number): Generator<Listening | null, void, void> {
  let file: number;
  try {
    file = openSync(table, 'r');
  } catch {
    return;
  }
  try {
    const buffer = Buffer.allocUnsafe(rowBytes);
    let rest = '';
    for (let bytes = readSync(file, buffer); bytes > 0; bytes = readSync(file, buffer)) {
      const rows = (rest + buffer.toString('latin1', 0, bytes)).split('\n');
      rest = rows.pop() ?? '';
      for (const row of rows) {
        const socket = parseRow(row, port);
        if (socket === 'connection') return;
        yield socket;
      }
    }
  } finally {
    closeSync(file);
  }
}

/**
 * Parses a row of /proc/net/tcp or tcp6; null for the header and for sockets that a client of 127.0.0.1 does not reach.
 */
export const parseRow = (row: string, port: number): Listening | null | 'connection' => {
  const [number, local, , state, , , , , , inode] = row.trim().split(/\s+/);
  if (!number?.endsWith(':') || !local || !inode) return null;
  if (state !== '0A') return 'connection';
  const [address = '', hexPort = ''] = local.split(':');
  const rank = Number.parseInt(hexPort, 16) === port ? rankOf(address) : null;
  return rank === null ? null : { inode, rank };
};

/** Addresses consist of four-byte words, each in the processor's (little-endian) byte order. */
const rankOf = (address: string): number | null => {
  if (/^(0000000000000000FFFF0000)?[0-9A-F]{6}7F$/.test(address)) return 0;
  if (/^(0000000000000000FFFF0000)?0{8}$/.test(address)) return 1;
  return /^0{32}$/.test(address) ? 2 : null;
};

/** Undefined when this user may not read it. */
const owns = (pid: number, inodes: ReadonlySet<string>): boolean | undefined => {
  let names: string[];
  try {
    names = readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    // To anyone but root, the files of a process that has just ended are unreadable until its parent collects it.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' || hasEnded(pid) ? false : undefined;
  }
  // Newest first: a server opens its other files before it listens.
  return names.reverse().some((name) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    } catch {
      return false;
    }
  });
};

const hasEnded = (pid: number): boolean => {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
};
