/** What a test sees of machines over SSH, whichever way they are made. */
import type { Run } from '../home.ts';

/** What a machine can be made to do only in namespaces of its own. */
export type Ability =
  /** Being there at all. */
  | 'ssh'
  /** Links that are cut or slow, hosts that only a jump host reaches, addresses of its own, IPv6. */
  | 'network'
  /** Another user, home path or login shell, hidden and replaced programs. */
  | 'system'
  /** A small disk, a read-only home. */
  | 'disk'
  /** The fish shell. */
  | 'fish';

export interface HostOptions {
  /** How the client's `ssh` calls it, and its host name; `m1`, `m2` … by default. */
  name?: string;
  /** Name of an earlier host through which alone this one is reached. */
  behind?: string;
  /** `ann`, who may nothing special, by default. */
  user?: 'ann' | 'root';
  /** Where the user's home lies on the host: below /home, or /root. Blanks are welcome. */
  home?: string;
  shell?: Shell;
  port?: number;
  /** Lines of sshd_config, stronger than those of the harness. */
  sshd?: readonly string[];
  /** false: an sshd without the sftp subsystem. */
  sftp?: boolean;
  /** Programs that the host does not have; by default those of Node, as on a bare machine. */
  without?: readonly string[];
  /** Size of the disk that holds the home; else that of the real one. */
  diskMegabytes?: number;
  /** false: its keys are not in the client's known_hosts. */
  known?: boolean;
}

/** `banner` is bash that greets on stdout first. */
export type Shell = 'bash' | 'sh' | 'fish' | 'rbash' | 'nologin' | 'banner';

export interface HostProcess {
  /** As the test sees it. */
  pid: number;
  /** As the host sees it. */
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
  /** Absolute path on the host. */
  home: string;
  address: string;
  address6: string;
  port: number;
  /** Path by which the test reads and writes a file of the host, whose own path is absolute or starts at the home. */
  path(ofHost?: string): string;
  /** Everything below a folder (the home), as relative paths, sorted; folders end with a slash. */
  files(folder?: string): string[];
  /** Runs a line of `sh` in the home, as the user, without SSH: it works whatever happened to link and sshd. */
  run(line: string, options?: RunInside): Promise<Run>;
  /** What runs on the host apart from its init and its sshd; with `all`, its sshd too. */
  processes(options?: { all?: boolean }): HostProcess[];
  /** Ends every process without notice, as a power cut does, clears what lives in memory, and starts sshd again. */
  reboot(): Promise<void>;

  /** What sshd said so far. */
  sshdLog(): string;
  startSshd(): Promise<void>;
  /** Ends the listener; connections go on, unless they are to be cut too. */
  stopSshd(options?: { connections?: 'cut' }): Promise<void>;
  restartSshd(): Promise<void>;
  /** Changes options of sshd and restarts it. */
  configureSshd(options: { lines?: readonly string[]; sftp?: boolean }): Promise<void>;
  /** Other host keys from now on; the client's known_hosts keeps the former. */
  changeHostKey(): Promise<void>;

  /** As if the cable were pulled. */
  linkDown(): Promise<void>;
  linkUp(): Promise<void>;
  /** Limits each direction to `mbit`, adds `delayMs` to each round trip; nothing given: the plain link again. */
  shape(traffic: { mbit?: number; delayMs?: number }): Promise<void>;

  setShell(shell: Shell): void;
  /** Puts an executable text in front of the host's own program of that name; null takes it away again. */
  setProgram(name: string, script: string | null): void;
  setReadOnlyHome(readOnly: boolean): Promise<void>;
}

export interface Agent {
  /** To be merged into the environment of who is to use it. */
  env: { SSH_AUTH_SOCK: string };
  close(): void;
}

export interface SshOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** In place of the client's own. */
  config?: string;
  connectSeconds?: number;
  timeoutMs?: number;
}

export interface Client {
  /** A home folder with `.ssh` in it. */
  home: string;
  /** HOME of the above and no agent; to be merged into the environment of who is to use it. */
  env: { HOME: string; SSH_AUTH_SOCK: undefined };
  /** `.ssh/config`: all hosts by name. OpenSSH takes the home from passwd, so it needs `-F` with this. */
  config: string;
  knownHosts: string;
  /** Paths of private keys: one that hosts accept, the same with `passphrase`, one that no host knows. */
  keys: { accepted: string; encrypted: string; stranger: string };
  passphrase: string;
  /** Runs the plain `ssh` client to its end. */
  ssh(args: readonly string[], options?: SshOptions): Promise<Run>;
  /** Starts an ssh-agent that holds these keys. */
  agent(keys: readonly string[]): Promise<Agent>;
  /** Writes the present keys of hosts into known_hosts, in place of what was there. */
  trust(...hosts: readonly Host[]): void;
}

export interface Machines {
  hosts: readonly Host[];
  host(name: string): Host;
  client: Client;
  /** Ends and removes everything. */
  close(): Promise<void>;
}
