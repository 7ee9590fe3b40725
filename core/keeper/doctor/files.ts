/** The files of rbee: folders, sockets, configuration. */
import { X509Certificate } from 'node:crypto';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Paths } from '../../config/paths.ts';
import { loadRbeeConf, type RbeeConfig } from '../../config/rbee-conf.ts';
import { singleErrors } from '../../config/toml.ts';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import { readTlsFiles } from '../../http/tls-files.ts';
import { formatBytes } from '../../narration/quantities.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** Models are large; state alone is small. */
const spaceWanted = 1024 ** 3;
const spaceNeeded = 50 * 1024 ** 2;

export const checkFolders = (paths: Paths): Check[] =>
  (['config', 'data', 'state', 'cache'] as const).map((name) =>
    checkFolder(`${name} folder`, paths[name], name === 'state'),
  );

const checkFolder = (name: string, folder: string, isPrivate: boolean): Check => {
  const there = nearestThere(folder);
  const hint = `fix the permissions of ${there}, or set RBEE_HOME to another folder`;
  if (!statSync(there).isDirectory()) return fail(name, `${there} is not a folder`, 'move that file away');
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch {
    return fail(name, `${there} cannot be written`, hint);
  }
  if (there !== folder) return ok(name, `${folder} (created when needed)`);
  const { mode, uid } = statSync(folder);
  if (isPrivate && uid !== process.getuid?.()) return fail(name, `${folder} belongs to another user`, hint);
  if (isPrivate && (mode & 0o077) !== 0) {
    return warn(name, `${folder} is open to others (${(mode & 0o777).toString(8)})`, `chmod 700 ${folder}`);
  }
  return ok(name, folder);
};

/** The folder itself, or the nearest one above it that exists. */
const nearestThere = (folder: string): string => {
  let there = folder;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  return there;
};

export const checkSpace = async (paths: Paths): Promise<Check[]> => {
  const name = 'disk space';
  const there = nearestThere(paths.data);
  const { bavail, bsize } = await statfs(there);
  const free = bavail * bsize;
  const text = `${formatBytes(free)} free at ${there}`;
  if (free < spaceNeeded) return [fail(name, text, 'free some space, or set RBEE_HOME to a folder on another disk')];
  return [free < spaceWanted ? warn(name, text, 'large models will not fit; free some space') : ok(name, text)];
};

/** A path that is too long for the system was already replaced by a shorter one, if possible. */
export const checkSockets = (paths: Paths): Check[] => {
  const length = Buffer.byteLength(paths.queenSocket);
  const text = `${paths.queenSocket} (${length} bytes)`;
  if (length > 103)
    return [fail('sockets', `${text} is too long`, 'set XDG_RUNTIME_DIR or RBEE_HOME to a shorter path')];
  return [ok('sockets', text)];
};

export const checkConfig = (paths: Paths): Check[] => {
  let config: RbeeConfig;
  try {
    config = loadRbeeConf(paths);
  } catch (error) {
    if (error instanceof RbeeError) return singleErrors(error).map((one) => fail('rbee.conf', one.message, one.hint));
    throw error;
  }
  return [
    ok('rbee.conf', existsSync(paths.rbeeConf) ? paths.rbeeConf : `${paths.rbeeConf} (not found; using defaults)`),
    ...checkCertificate(config),
  ];
};

/** The queen keeps using its old certificate while the files are invalid, but cannot restart. */
const checkCertificate = ({ gateway }: RbeeConfig): Check[] => {
  const name = 'certificate';
  const { tlsCert: cert, tlsKey: key, listen } = gateway;
  if (cert === null || key === null) return [];
  try {
    const { validTo } = new X509Certificate(readTlsFiles({ cert, key }).cert);
    if (Date.parse(validTo) < Date.now()) return [fail(name, `${cert} expired on ${validTo}`, 'renew it')];
    if (!listen?.some(({ tls }) => tls))
      return [
        warn(
          name,
          `${cert} is not used: no address has TLS`,
          'write https:// before the address in listen, in rbee.conf',
        ),
      ];
    return [ok(name, `${cert}, valid until ${validTo}`)];
  } catch (error) {
    const { message, hint } = asRbeeError(error, 'rbee doctor', cert);
    return [fail(name, message, hint)];
  }
};
