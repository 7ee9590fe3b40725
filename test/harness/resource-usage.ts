/** What a process uses at a moment, so that a test can see whether it grows when nothing should. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

export interface ResourceUsage {
  /** Bytes of resident memory. */
  memory: number;
  sockets: number;
  /** Open files of any kind, including sockets. */
  files: number;
  /** Bytes in the log. */
  log: number;
}

export const resourceUsageOf = (pid: number, log: string): ResourceUsage => {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      // Closed while we looked.
      return '';
    }
  });
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return {
    memory: Number(kilobytes) * 1024,
    sockets: links.filter((link) => link.startsWith('socket:')).length,
    files: links.length,
    log: statSync(log).size,
  };
};

/** Local ports of the connections to an IPv4 address that are being established. */
export const dialsTo = (address: string): string[] => {
  const wanted = address
    .split('.')
    .reverse()
    .map((part) => Number(part).toString(16).padStart(2, '0').toUpperCase())
    .join('');
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote = '', state]) => state === synSent && remote.startsWith(`${wanted}:`))
    .map(([, local = '']) => local);
};

const synSent = '02';
