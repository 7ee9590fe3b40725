/** Who this process is, read from the system once. */
import { readFileSync } from 'node:fs';
import type { Me } from './ownership.ts';

/** Null on systems without user ids. */
export const whoAmI = (): Me | null => {
  known ??= read();
  return known.me;
};

let known: { me: Me | null } | undefined;

const read = (): { me: Me | null } => {
  const uid = process.geteuid?.();
  const gid = process.getegid?.();
  if (uid === undefined || gid === undefined) return { me: null };
  return {
    me: {
      uid,
      // Only looked up for group-writable files, since most commands never need it.
      get privateGroups() {
        return isPrivate(gid, uid) ? [gid] : [];
      },
      get outsideUid() {
        return outsideUid();
      },
      nameOf: (other) => nameOf(other) ?? `uid ${other}`,
    },
  };
};

/** The user's private group: it has the user's name (or number) and no other members. */
const isPrivate = (gid: number, uid: number): boolean => {
  const name = nameOf(uid);
  const group = linesOf('/etc/group').find(([, , id]) => Number(id) === gid);
  if (group === undefined || name === undefined) return gid === uid;
  const others = (group[3] ?? '').split(',').filter((member) => member !== '' && member !== name);
  return group[0] === name && others.length === 0;
};

const nameOf = (uid: number): string | undefined => linesOf('/etc/passwd').find(([, , id]) => Number(id) === uid)?.[0];

/** In a user namespace, all users from outside of it have the same id. */
const outsideUid = (): number | null => {
  try {
    const isWhole = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
    return isWhole ? null : Number(readFileSync('/proc/sys/kernel/overflowuid', 'utf8'));
  } catch {
    return null;
  }
};

const linesOf = (file: string): string[][] => {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
};
