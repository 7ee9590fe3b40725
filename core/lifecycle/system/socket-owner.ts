/** Whose socket answers on a loopback port: that of a process group, or of a stranger who was faster. */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

/** `undefined`: the system cannot tell. */
export type SocketOwner = 'group' | 'stranger' | 'nobody' | undefined;

/**
 * Who listens where a client of `127.0.0.1:port` arrives. `members` is asked only when the leader itself has no such
 * socket, since it looks at every process of the machine.
 */
export const socketOwner = async (
  port: number,
  leader: number,
  members: () => Promise<readonly number[]>,
): Promise<SocketOwner> => {
  const inodes = listeningInodes(port);
  if (inodes === undefined) return undefined;
  if (inodes.size === 0) return 'nobody';
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
      // The kernel prefers the closest address, and nothing is closer than loopback itself.
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

/** About one row: the kernel then works out no more than what is read. */
const rowBytes = 150;

/**
 * The listening sockets on a port; null for every other row. The kernel lists those that listen first, and takes
 * milliseconds to walk through the table of connections after them, so reading stops where they end.
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

/** Reads a row of /proc/net/tcp or tcp6; null for the head and for sockets that a client of 127.0.0.1 does not reach. */
export const parseRow = (row: string, port: number): Listening | null | 'connection' => {
  const [number, local, , state, , , , , , inode] = row.trim().split(/\s+/);
  if (!number?.endsWith(':') || !local || !inode) return null;
  if (state !== '0A') return 'connection';
  const [address = '', hexPort = ''] = local.split(':');
  const rank = Number.parseInt(hexPort, 16) === port ? rankOf(address) : null;
  return rank === null ? null : { inode, rank };
};

/** Addresses stand in four-byte words, each in the processor's (little-endian) order. */
const rankOf = (address: string): number | null => {
  if (/^(0000000000000000FFFF0000)?[0-9A-F]{6}7F$/.test(address)) return 0;
  if (/^(0000000000000000FFFF0000)?0{8}$/.test(address)) return 1;
  return /^0{32}$/.test(address) ? 2 : null;
};

/** Undefined when this user may not look. */
const owns = (pid: number, inodes: ReadonlySet<string>): boolean | undefined => {
  let names: string[];
  try {
    names = readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? false : undefined;
  }
  // The youngest first: a server listens after it has opened everything else.
  return names.reverse().some((name) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    } catch {
      return false;
    }
  });
};
