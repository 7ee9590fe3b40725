/** Which queen the commands talk to: this user's own, or the one that `RBEE_QUEEN` names. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isLoopbackName } from '../config/origin.ts';
import type { Paths } from '../config/paths.ts';
import { keyPattern } from '../contract/api/access.ts';
import type { FleetStatus } from '../contract/api/queen-api.ts';
import { RbeeError } from '../contract/errors.ts';
import { withoutSecrets } from '../contract/secrets.ts';
import { isRemote, type QueenAddress } from '../queen/client/address.ts';
import type { QueenClient } from '../queen/client/index.ts';

/** Throws INVALID_INPUT for an invalid RBEE_QUEEN or RBEE_KEY, FILE_UNREADABLE, FILE_NOT_PRIVATE. */
export const queenAddress = async (env: NodeJS.ProcessEnv, paths: Paths): Promise<QueenAddress> => {
  const url = remoteUrl(env);
  return url === undefined ? { socketPath: paths.queenSocket } : { url, key: await remoteKey(env, paths) };
};

/** The URL in `RBEE_QUEEN`, without a path; undefined if it is not set. Throws INVALID_INPUT. */
export const remoteUrl = (env: NodeJS.ProcessEnv): string | undefined => {
  const text = env['RBEE_QUEEN'];
  if (text === undefined || text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url && /^https?:$/.test(url.protocol) && url.username === '' && /^\/?$/.test(url.pathname) && !url.search;
  if (!isPlain)
    throw invalid(
      'RBEE_QUEEN',
      `${JSON.stringify(
        withoutSecrets(text)
          .replace(/rbee_\w{8}_[\w-]+/g, 'rbee_…')
          .slice(0, 200),
      )} is not an address`,
      'write it as https://host:8500, without a path',
    );
  return url.origin;
};

/** Where programs reach the queen: from other machines if it listens for them. */
export const programUrl = async ({ address, get }: QueenClient): Promise<string> => {
  if (isRemote(address)) return address.url;
  const { url, urls = [url] } = (await get<FleetStatus>('/v1/status')).queen;
  const open = urls.map((one) => new URL(one)).find(({ hostname: name }) => !isLoopbackName(name));
  if (!open) return url;
  if (open.hostname === '0.0.0.0' || open.hostname === '[::]') open.hostname = hostname();
  return open.origin;
};

const remoteKey = async (env: NodeJS.ProcessEnv, paths: Paths): Promise<string | undefined> => {
  const given = env['RBEE_KEY'];
  if (given !== undefined && given !== '') return checked(given.trim(), 'RBEE_KEY');
  const named = env['RBEE_KEY_FILE'];
  const file = named || join(paths.config, 'key');
  const { readPrivate } = await import('../config/private-file.ts');
  const text = await readPrivate(file);
  if (text !== null) return checked(text.trim(), file);
  if (named) throw RbeeError.of('FILE_UNREADABLE', { path: file, problem: 'it does not exist' });
  return undefined;
};

/** The key itself is never part of the message. */
const checked = (key: string, where: string): string => {
  if (keyPattern.test(key)) return key;
  throw invalid(
    where,
    'it holds no whole key',
    'a key begins with rbee_ and has 57 characters; create one on the machine of the queen: rbee key create NAME',
  );
};

const invalid = (what: string, problem: string, hint: string): RbeeError =>
  RbeeError.of('INVALID_INPUT', { what, problem, hint });
