/**
 * Checks on disk that no other user of this machine can eavesdrop, impersonate a daemon, or change what rbee does. The
 * checks look at owner and mode, since Node cannot tell who is at the other end of a socket. Once passed, they stay
 * valid: only a user who passes them can rename or replace what was checked.
 */
import { chmodSync, fstatSync, lstatSync, mkdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import { whoAmI } from './me.ts';
import { type Finding, judge, type Looks, type Role } from './ownership.ts';
import type { Paths } from './paths.ts';

/**
 * Before connecting: refuses a socket that another user created or could replace. A missing socket is fine, since
 * connecting to it fails anyway. Errors: FOLDER_NOT_PRIVATE, SOCKET_NOT_PRIVATE.
 */
export const checkSocket = (path: string): void => {
  refuse([...own(dirname(path), true), ...around(dirname(path), true)]);
  refuse(look(path, 'socket', true));
};

/** Before listening: creates the private folder of a socket. Errors: FOLDER_NOT_PRIVATE, STATE_UNWRITABLE. */
export const makeSocketFolder = (folder: string): void => {
  refuse(around(folder, true));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw RbeeError.of('STATE_UNWRITABLE', { path: folder, problem: (cause as Error).message }, { cause });
  }
  // Another user may have created it first, so it is checked afterwards.
  refuse(own(folder, true));
  chmodSync(folder, 0o700);
};

/** Checks an open configuration file before it is read; returns warnings. Errors: FILE_NOT_PRIVATE. */
export const checkOpenFile = (path: string, fd: number, isChosen: boolean): Finding[] => {
  const found = judged(path, fstatSync(fd), 'trusted', isChosen);
  refuse(found);
  return found;
};

/**
 * All problems of rbee's folders, and of the files in them that decide what it runs. The folder of the sockets
 * is checked by `makeSocketFolder`.
 */
export const homeFindings = (paths: Paths): Finding[] => {
  const { isChosen } = paths;
  const folders = [paths.config, paths.data, dirname(paths.state), paths.cache];
  const files = [
    paths.rbeeConf,
    join(paths.config, 'hives.conf'),
    join(paths.config, 'rbee.lock'),
    join(paths.data, 'package.json'),
    paths.queenDb,
    join(paths.state, 'machines.json'),
  ];
  const found = [
    ...own(paths.state, isChosen),
    ...[...folders, ...files].flatMap((path) => look(path, 'trusted', isChosen)),
    ...[...folders, paths.state].flatMap((folder) => around(folder, isChosen)),
  ];
  const isFirst = ({ path }: Finding, index: number) => found.findIndex((other) => other.path === path) === index;
  return found.filter(isFirst);
};

/** Refuses a home that other users can change; returns warnings. Errors: FOLDER_NOT_PRIVATE, FILE_NOT_PRIVATE. */
export const checkHome = (paths: Paths): Finding[] => {
  const found = homeFindings(paths);
  refuse(found);
  return found;
};

/** A finding as an error; the doctor shows the same text. */
export const findingError = ({ thing, path, problem, fix }: Finding): RbeeError =>
  RbeeError.of(codes[thing], { path, problem, fix });

const codes = { folder: 'FOLDER_NOT_PRIVATE', file: 'FILE_NOT_PRIVATE', socket: 'SOCKET_NOT_PRIVATE' } as const;

const refuse = (found: readonly Finding[]): void => {
  const worst = found.find(({ isSevere }) => isSevere);
  if (worst) throw findingError(worst);
};

const own = (folder: string, isChosen: boolean): Finding[] => look(folder, 'own', isChosen);

/** The folders that lead to `folder`, as far as they exist: both as written and where links lead. */
const around = (folder: string, isChosen: boolean): Finding[] => {
  const written = ancestors(folder);
  const links = written.filter((path) => statIfThere(path, lstatSync)?.isSymbolicLink());
  const nearest = written.find((path) => statIfThere(path, lstatSync) !== null);
  const real = nearest === undefined ? [] : [realOf(nearest)].flatMap((path) => [path, ...ancestors(path)]);
  const folders = new Set([...real, ...links.flatMap((path) => [dirname(path), ...ancestors(dirname(path))])]);
  const beyond = new Set(ancestors(realOf(homedir())));
  return [
    ...links.flatMap((path) => look(path, 'link', isChosen)),
    // The owner of the folders above a home can do anything in it anyway, as login shells accept too.
    ...[...folders].filter((path) => !beyond.has(path)).flatMap((path) => look(path, 'above', isChosen)),
  ];
};

/** The folders above, the nearest first. */
const ancestors = (path: string): string[] => {
  const found: string[] = [];
  for (let at = dirname(path); at !== path && found.at(-1) !== at; at = dirname(at)) found.push(at);
  return found;
};

const realOf = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    // A dangling link, or a folder that cannot be entered: the next step reports it.
    return path;
  }
};

/** Follows links only for the roles `trusted` and `above`. */
const look = (path: string, role: Role, isChosen: boolean): Finding[] => {
  const followed = role === 'trusted' || role === 'above';
  const stats = statIfThere(path, followed ? statSync : lstatSync);
  return stats ? judged(path, stats, role, isChosen) : [];
};

const judged = (path: string, stats: Stats, role: Role, isChosen: boolean): Finding[] => {
  const me = whoAmI();
  if (me === null) return [];
  const looks: Looks = { kind: kindOf(stats), uid: stats.uid, gid: stats.gid, mode: stats.mode & 0o7777 };
  const finding = judge(path, looks, role, { me, isChosen });
  return finding ? [finding] : [];
};

const kindOf = (stats: Stats): Looks['kind'] => {
  if (stats.isSymbolicLink()) return 'link';
  if (stats.isDirectory()) return 'folder';
  if (stats.isSocket()) return 'socket';
  return stats.isFile() ? 'file' : 'other';
};

const statIfThere = (path: string, stat: typeof statSync): Stats | null => {
  try {
    return stat(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
};
