/** What a test sees of machines over SSH, however they are made. */
import type { Run } from '../home.ts';

/** Abilities that only machines in namespaces of their own have. */
export type Ability =
  /** Hosts at all. */
  | 'ssh'
  /** Cut or slow links, hosts behind a jump host, addresses of their own, IPv6. */
  | 'network'
  /** Another user, home path or login shell; hidden and replaced programs. */
  | 'system'
  /** A small disk, a read-only home. */
  | 'disk'
  /** The fish shell. */
  | 'fish';

export interface HostOptions {
  /** Its name for the client's `ssh`, and its host name; `m1`, `m2` … by default. */
  name?: string;
  /** Name of an earlier host; this one is reached only through it. */
  behind?: string;
  /** Default: `ann`, who has no special permissions. */
  user?: 'ann' | 'root';
  /** Path of the user's home on the host: below /home, or /root. Blanks are allowed. */
  home?: string;
  shell?: Shell;
  port?: number;
  /** Lines of sshd_config; they override those of the harness. */
  sshd?: readonly string[];
  /** false: an sshd without the sftp subsystem. */
  sftp?: boolean;
  /** Programs that the host does not have; by default those of Node, as on a bare machine. */
  without?: readonly string[];
  /** Size of the disk that holds the home; default: the real one. */
  diskMegabytes?: number;
  /** false: its keys are not in the client's known_hosts. */
  known?: boolean;
}

/** `banner` is bash that prints a greeting on stdout first. */
export type Shell = 'bash' | 'sh' | 'fish' | 'rbash' | 'nologin' | 'banner';

export interface HostProcess {
  /** PID as the test sees it. */
  pid: number;
  /** PID as the host sees it. */
  inside: number;
  command: string;
}

export interface RunInside {
  input?: string;
  asRoot?: boolean;
  timeoutMs?: number;
}

export interface Host {
  name: string;
  user: string;
  /** Home of the user: an absolute path on the host. */
  home: string;
  address: string;
  address6: string;
  port: number;
  /** Path at which the test reads and writes a file of the host; a relative path starts at the home. */
  path(ofHost?: string): string;
  /** Everything below a folder (default: the home), as sorted relative paths; folders end with a slash. */
  files(folder?: string): string[];
  /** Runs a line of `sh` in the home, as the user, without SSH: it works whatever happened to link and sshd. */
  run(line: string, options?: RunInside): Promise<Run>;
  /** The processes of the host without its init and sshd; with `all`, including sshd. */
  processes(options?: { all?: boolean }): HostProcess[];
  /** Ends every process without notice, like a power cut, clears what lives in memory, and starts sshd again. */
  reboot(): Promise<void>;

  /** The log of sshd so far. */
  sshdLog(): string;
  startSshd(): Promise<void>;
  /** Ends the listener; connections stay open unless they are cut as well. */
  stopSshd(options?: { connections?: 'cut' }): Promise<void>;
  restartSshd(): Promise<void>;
  /** Changes options of sshd and restarts it. */
  configureSshd(options: { lines?: readonly string[]; sftp?: boolean }): Promise<void>;
  /** Replaces the host keys; the client's known_hosts keeps the old ones. */
  changeHostKey(): Promise<void>;

  /** Like pulling the cable. */
  linkDown(): Promise<void>;
  linkUp(): Promise<void>;
  /** Limits each direction to `mbit` and adds `delayMs` to each round trip; without either, the link is plain again. */
  shape(traffic: { mbit?: number; delayMs?: number }): Promise<void>;

  setShell(shell: Shell): void;
  /** Puts an executable script in front of the host's own program of that name; null removes it again. */
  setProgram(name: string, script: string | null): void;
  setReadOnlyHome(readOnly: boolean): Promise<void>;
}

export interface Agent {
  /** Environment variables to merge into that of the agent's user. */
  env: { SSH_AUTH_SOCK: string };
  close(): void;
}

export interface SshOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** Replaces the client's own configuration. */
  config?: string;
  connectSeconds?: number;
  timeoutMs?: number;
}

export interface Client {
  /** A home folder with `.ssh` in it. */
  home: string;
  /** HOME of the above and no agent; to merge into the environment of a program. */
  env: { HOME: string; SSH_AUTH_SOCK: undefined };
  /** `.ssh/config` with all hosts by name. OpenSSH takes the home from passwd, so pass this with `-F`. */
  config: string;
  knownHosts: string;
  /** Paths of private keys: one that hosts accept, the same one encrypted with `passphrase`, one that no host knows. */
  keys: { accepted: string; encrypted: string; stranger: string };
  passphrase: string;
  /** Runs the plain `ssh` client to its end. */
  ssh(args: readonly string[], options?: SshOptions): Promise<Run>;
  /** Starts an ssh-agent with these keys. */
  agent(keys: readonly string[]): Promise<Agent>;
  /** Replaces known_hosts with the current keys of all hosts. */
  trust(...hosts: readonly Host[]): void;
}

export interface Machines {
  hosts: readonly Host[];
  host(name: string): Host;
  client: Client;
  /** Ends and removes everything. */
  close(): Promise<void>;
}
