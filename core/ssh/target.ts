/** Where a machine is to be found, as a person writes it. What is left out is what `ssh` itself would take. */
export interface SshTarget {
  /** How rbee calls the machine, for messages. */
  alias: string;
  /** Name or address, or a `Host` of `~/.ssh/config`. */
  hostname: string;
  user?: string;
  port?: number;
  identityFile?: string;
  /** Machines on the way, the nearest first; what `~/.ssh/config` says when absent, none when empty. */
  jumps?: readonly SshTarget[];
}

/** One machine on the way, with everything that is needed to talk to it: the last one is the target itself. */
export interface Hop {
  /** For messages: the alias of the target, or the name of a jump host. */
  name: string;
  host: string;
  port: number;
  user: string;
  /** Socket of an SSH agent; null where there is none, or none may be used. */
  agent: string | null;
  /** Only keys of these files are offered, whatever else the agent holds. */
  identitiesOnly: boolean;
  keyFiles: readonly string[];
  /** Name under which its key is kept in the files of known hosts. */
  knownAs: string;
  /** Under this name, too, a key counts that is the very one shown; null where there is none. */
  knownAsWell: string | null;
  knownHostsFiles: readonly string[];
  /** The file that takes a new key; null where there is none. */
  newKeysFile: string | null;
  hashNames: boolean;
  /** `yes` never takes a new key, `ask` asks, `accept-new` and `no` take it. A changed key is never taken. */
  newKeys: 'yes' | 'ask' | 'accept-new';
  /** Runs to make the connection instead of dialling; null where there is none. */
  proxyCommand: string | null;
}

/** Two routes with the same key are one connection. */
export const routeKey = (hops: readonly Hop[]): string =>
  hops.map(({ user, host, port }) => `${user}@${host}:${port}`).join(' > ');
