/** Where rbee keeps its files: the XDG folders, or everything below RBEE_HOME. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir, hostname, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { RbeeError } from '../contract/errors.ts';

export interface Paths {
  /** Whether it was set with `RBEE_HOME`: then the user chose this place, and who else may write there. */
  isChosen: boolean;
  /** `rbee.conf`, `hives.conf`, `rbee.lock`. */
  config: string;
  /** Index of plugins, catalog, models. */
  data: string;
  /** PID files, run records, database and logs of this machine. */
  state: string;
  /** Sockets; the state folder, unless its path is too long for a socket. */
  sockets: string;
  /** Things that can be recreated. */
  cache: string;
  rbeeConf: string;
  queenSocket: string;
  hiveSocket: string;
  queenPid: string;
  hivePid: string;
  queenDb: string;
  runs: string;
  logs: string;
}

/** The limit for unix sockets is 108 bytes with the final zero on Linux, 104 on macOS. */
const maxSocketPath = 100;

/** An id of this machine: a home folder can be shared between machines, but its state cannot. */
export const machineId = (): string => {
  for (const file of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    try {
      const id = readFileSync(file, 'utf8').trim();
      if (/^[0-9a-f]{32}$/.test(id)) return id.slice(0, 12);
    } catch {
      // Falls back to the host name on systems without one.
    }
  }
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 12);
};

/** Reads `RBEE_HOME` and the XDG variables from `env`. Creates nothing. */
export const pathsFrom = (env: NodeJS.ProcessEnv): Paths => {
  const folders = env['RBEE_HOME'] ? below(rbeeHome(env['RBEE_HOME'], env)) : xdg(env);
  const state = join(folders.state, machineId());
  const sockets = join(state, 'queen.sock').length <= maxSocketPath ? state : shortFolder(state, env);
  return {
    isChosen: Boolean(env['RBEE_HOME']),
    ...folders,
    state,
    sockets,
    rbeeConf: join(folders.config, 'rbee.conf'),
    queenSocket: join(sockets, 'queen.sock'),
    hiveSocket: join(sockets, 'hive.sock'),
    queenPid: join(state, 'queen.pid'),
    hivePid: join(state, 'hive.pid'),
    queenDb: join(state, 'queen.db'),
    runs: join(state, 'runs'),
    logs: join(state, 'logs'),
  };
};

/** `RBEE_HOME` as an absolute path. Errors: RBEE_HOME_INVALID. */
export const rbeeHome = (text: string, env: NodeJS.ProcessEnv): string => {
  const path = /^~(?=\/|$)/.test(text) ? (env['HOME'] || homedir()) + text.slice(1) : text;
  if (!isAbsolute(path)) throw RbeeError.of('RBEE_HOME_INVALID', { value: text });
  return resolve(path);
};

const below = (home: string) => ({
  config: join(home, 'config'),
  data: join(home, 'data'),
  state: join(home, 'state'),
  cache: join(home, 'cache'),
});

const xdg = (env: NodeJS.ProcessEnv) => {
  const home = env['HOME'] || homedir();
  if (!home || !isAbsolute(home)) throw RbeeError.of('NO_HOME', {});
  const folder = (variable: string, fallback: string) => {
    const given = env[variable] ?? '';
    // The XDG specification says to ignore relative paths.
    return join(isAbsolute(given) ? given : join(home, fallback), 'rbee');
  };
  return {
    config: folder('XDG_CONFIG_HOME', '.config'),
    data: folder('XDG_DATA_HOME', '.local/share'),
    state: folder('XDG_STATE_HOME', '.local/state'),
    cache: folder('XDG_CACHE_HOME', '.cache'),
  };
};

/** A private folder with a short path, derived from the long path so that all processes use the same one. */
const shortFolder = (state: string, env: NodeJS.ProcessEnv): string => {
  const name = createHash('sha256').update(state).digest('hex').slice(0, 12);
  return join(env['XDG_RUNTIME_DIR'] || tmpdir(), `rbee-${userInfo().uid}-${name}`);
};
