/** Identifies processes, with one interface over the files and tools of each system. */
import type { ProcessTable } from './process-table.ts';

let table: Promise<ProcessTable> | undefined;

/** The process table of this machine. */
export const processTable = (): Promise<ProcessTable> => {
  table ??= load(process.platform);
  return table;
};

/** Whether both are the same process of the same boot. */
export const sameProcess = (
  one: { pid: number | null; startTime: string | null; bootId: string } | null,
  other: { pid: number | null; startTime: string | null; bootId: string } | null,
): boolean =>
  one !== null &&
  other !== null &&
  one.pid === other.pid &&
  one.startTime === other.startTime &&
  one.bootId === other.bootId;

const load = async (platform: NodeJS.Platform): Promise<ProcessTable> =>
  platform === 'linux'
    ? (await import('./identity-linux.ts')).linuxProcesses()
    : (await import('./identity-darwin.ts')).darwinProcesses();
