/** Decides whether other users can change a file or folder. Pure: works on the result of `stat`. */

/** The identity of this process for file permissions. */
export interface Me {
  uid: number;
  /** Groups with no other member, so their write permission is harmless. */
  privateGroups: readonly number[];
  /** In a user namespace: the uid of all users from outside, including root. */
  outsideUid: number | null;
  nameOf(uid: number): string;
}

export interface Looks {
  kind: 'folder' | 'file' | 'socket' | 'link' | 'other';
  uid: number;
  gid: number;
  /** Permission bits, including the sticky bit. */
  mode: number;
}

/**
 * How rbee uses it. `own`: a folder that only we may own and write. `trusted`: a file or folder that root may own too.
 * `above`: a parent of our folder; a sticky one such as /tmp may be open to all, since other users cannot rename our entries
 * in it.
 */
export type Role = 'own' | 'socket' | 'trusted' | 'above' | 'link';

export interface Finding {
  thing: 'folder' | 'file' | 'socket';
  path: string;
  /** The problem, with the owner or mode. */
  problem: string;
  /** How to fix it. */
  fix: string;
  /** Whether it is an error; otherwise it is a warning. */
  isSevere: boolean;
}

export interface JudgeOptions {
  me: Me;
  /** The user chose this place (RBEE_HOME, --file), and with it its group and the owners of the folders above. */
  isChosen: boolean;
}

const sticky = 0o1000;

/** The worst problem, or undefined. */
export const judge = (path: string, looks: Looks, role: Role, options: JudgeOptions): Finding | undefined => {
  const wrong = wrongKind(looks, role) ?? wrongOwner(path, looks, role, options) ?? tooOpen(path, looks, role, options);
  if (wrong === undefined) return undefined;
  const thing = role === 'socket' ? 'socket' : role === 'trusted' && looks.kind === 'file' ? 'file' : 'folder';
  return { thing, path, ...wrong };
};

type Wrong = Pick<Finding, 'problem' | 'fix' | 'isSevere'>;

const wrongKind = ({ kind }: Looks, role: Role): Wrong | undefined => {
  if (role === 'own' && kind === 'link')
    return { problem: 'it is a symbolic link', fix: 'remove that link', isSevere: true };
  if (role === 'own' && kind !== 'folder')
    return { problem: 'it is not a folder', fix: 'move it away', isSevere: true };
  if (role === 'socket' && kind !== 'socket')
    return { problem: 'it is not a socket', fix: 'move it away', isSevere: true };
  return undefined;
};

const wrongOwner = (path: string, { uid }: Looks, role: Role, { me, isChosen }: JudgeOptions): Wrong | undefined => {
  const isOurs = uid === me.uid;
  const isSystem = uid === 0 || uid === me.outsideUid;
  const mayBeSystem = role === 'trusted' || role === 'above' || role === 'link';
  if (isOurs || (mayBeSystem && isSystem)) return undefined;
  const owner = me.nameOf(uid);
  const fix = me.uid === 0 ? rootFix(path, owner, role) : userFix(role);
  const problem = `it belongs to ${owner}, not to ${me.nameOf(me.uid)}`;
  return { problem, fix, isSevere: !(isChosen && (role === 'above' || role === 'trusted')) };
};

/** A socket folder is not given to root, because it may already contain another user's files. */
const rootFix = (path: string, owner: string, role: Role): string =>
  role === 'own' || role === 'socket'
    ? `if it is the home of ${owner}, run rbee as ${owner}, without sudo; otherwise remove it: rm -r ${quoted(path)}`
    : `run rbee as ${owner}, without sudo, or give it to root: chown root ${quoted(path)}`;

const userFix = (role: Role): string =>
  role === 'own' || role === 'socket'
    ? 'have its owner or root remove it, or set XDG_RUNTIME_DIR or RBEE_HOME to your own folder'
    : 'have root give it to you with chown, or set RBEE_HOME to your own folder';

const tooOpen = (path: string, { mode, gid }: Looks, role: Role, { me, isChosen }: JudgeOptions): Wrong | undefined => {
  // A socket is guarded by its folder, and a link cannot be written to.
  if (role === 'socket' || role === 'link' || (role === 'above' && mode & sticky)) return undefined;
  const shown = `mode 0${(mode & 0o7777).toString(8)}`;
  if (mode & 0o002) {
    return {
      problem: `every user of this machine can write to it (${shown})`,
      fix: `chmod go-w ${quoted(path)}`,
      isSevere: true,
    };
  }
  if (!(mode & 0o020) || gid === 0) return undefined;
  const isSevere = !me.privateGroups.includes(gid) && (role === 'own' || !isChosen);
  return { problem: `its group can write to it (${shown})`, fix: `chmod g-w ${quoted(path)}`, isSevere };
};

/** For a shell. */
const quoted = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);
