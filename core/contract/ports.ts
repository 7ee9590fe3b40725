/** Port ranges as written in configuration: `18000-18999`. */
import { RbeeError } from './errors.ts';

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** The default port of a hive whose sshd cannot forward sockets; hives.conf can change it. */
export const defaultHivePort = 8600;

/** The default port range of workers. */
export const defaultWorkerPorts = '18000-18999';

/** Throws INVALID_INPUT. */
export const parsePortRange = (range: string): PortRange => {
  const match = /^\s*(\d{1,5})\s*-\s*(\d{1,5})\s*$/.exec(range);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match && first >= 1 && last <= 65_535 && first <= last) return { first, last };
  throw RbeeError.of('INVALID_INPUT', {
    what: `port range "${range}"`,
    problem: 'it must be two ports between 1 and 65535, the lower first',
    hint: 'write it like 18000-18999',
  });
};

export const isInRange = ({ first, last }: PortRange, port: number): boolean => port >= first && port <= last;
