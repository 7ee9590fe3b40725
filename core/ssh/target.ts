/** The address of a machine, as configured. For missing settings, the defaults of `ssh` apply. */
export interface SshTarget {
  /** The machine's name in rbee, for messages. */
  alias: string;
  /** Name or address, or a `Host` of `~/.ssh/config`. */
  hostname: string;
  user?: string;
  port?: number;
  identityFile?: string;
  /** Jump hosts, nearest first. If absent, `~/.ssh/config` decides; if empty, there are none. */
  jumps?: readonly SshTarget[];
}

/** One machine of a route, with everything needed to connect to it. The last one is the target. */
export interface Hop {
  /** For messages: the alias of the target, or the name of a jump host. */
  name: string;
  host: string;
  port: number;
  user: string;
  /** Socket of an SSH agent; null if there is none, or it must not be used. */
  agent: string | null;
  /** Only offer the keys of these files, whatever else the agent has. */
  identitiesOnly: boolean;
  keyFiles: readonly string[];
  /** Its name in the known_hosts files. */
  knownAs: string;
  /** Another name under which the same key is accepted, or null. */
  knownAsWell: string | null;
  knownHostsFiles: readonly string[];
  /** The file to save new keys in, or null. */
  newKeysFile: string | null;
  hashNames: boolean;
  /** `yes` never accepts a new key, `ask` asks, `accept-new` accepts it. A changed key is never accepted. */
  newKeys: 'yes' | 'ask' | 'accept-new';
  /** A command that provides the connection, or null. */
  proxyCommand: string | null;
}

/** Routes with the same key share a connection. */
export const routeKey = (hops: readonly Hop[]): string =>
  hops.map(({ user, host, port }) => `${user}@${host}:${port}`).join(' > ');
