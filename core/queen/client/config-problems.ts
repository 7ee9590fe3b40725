/** Finds what would prevent a daemon from starting, before the running one is stopped. Changes nothing. */
import { accessSync, constants, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import type { ListenAddress } from '../../config/listen-address.ts';
import type { Paths } from '../../config/paths.ts';
import { findingError, homeFindings } from '../../config/private-places.ts';
import { listenAddresses, loadRbeeConf, type RbeeConfig, rbeeConfProblems } from '../../config/rbee-conf.ts';
import { singleErrors } from '../../config/toml.ts';
import type { QueenStatus } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import { listenProblem } from '../../http/listen-problem.ts';
import { readTlsFiles } from '../../http/tls-files.ts';
import { readIndex } from '../../plugins/plugin-index.ts';

/** Throws if anything would prevent the start. Errors: CONFIG_REFUSED. */
export const mustStart = (problems: readonly RbeeError[]): void => {
  const [first] = problems;
  if (!first) return;
  const messages = problems.map(({ message }) => message);
  const problem = problems.length === 1 ? first.message : `${problems.length} things would keep it from starting`;
  throw RbeeError.of(
    'CONFIG_REFUSED',
    { problem, hint: first.hint },
    { cause: first, ...(messages.length > 1 && { lines: messages }) },
  );
};

/**
 * All problems, the configuration first. `running` is the queen that will be replaced. An invalid hives.conf does not
 * prevent a start, so it is not checked.
 */
export const queenProblems = async (paths: Paths, running: QueenStatus): Promise<RbeeError[]> => {
  const found = await hiveProblems(paths);
  if (rbeeConfProblems(paths).length === 0) found.push(...(await listenProblems(loadRbeeConf(paths), running, paths)));
  return found;
};

/** The same for the local hive. */
export const hiveProblems = async (paths: Paths): Promise<RbeeError[]> => [
  ...rbeeConfProblems(paths),
  ...homeFindings(paths)
    .filter(({ isSevere, path }) => isSevere && path !== paths.rbeeConf)
    .map(findingError),
  ...unwritable(paths),
  ...(await errorsOf(() => readIndex(paths.data))),
];

const errorsOf = async (work: () => unknown): Promise<RbeeError[]> => {
  try {
    await work();
    return [];
  } catch (error) {
    if (error instanceof RbeeError) return singleErrors(error);
    throw error;
  }
};

/** The state folder, or the folder it would be created in. */
const unwritable = ({ state }: Paths): RbeeError[] => {
  let there = state;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
    return [];
  } catch (cause) {
    return [RbeeError.of('STATE_UNWRITABLE', { path: there, problem: (cause as Error).message }, { cause })];
  }
};

/** Each address must be free, or belong to the queen that will be replaced, and the files for TLS must be valid. */
const listenProblems = async (config: RbeeConfig, running: QueenStatus, { rbeeConf }: Paths): Promise<RbeeError[]> => {
  const problems: RbeeError[] = [];
  const { tlsCert: cert, tlsKey: key } = config.gateway;
  if (cert !== null && key !== null) problems.push(...(await errorsOf(() => readTlsFiles({ cert, key }))));
  for (const address of listenAddresses(config)) {
    const error = address.port === 0 ? null : await listenError(address.host, address.port);
    if (error === null || (error.code === 'EADDRINUSE' && isOwn(address, running))) continue;
    problems.push(listenProblem(error, address, rbeeConf));
  }
  return problems;
};

/** Whether the running queen uses the address; one that does not answer may be using any. */
const isOwn = ({ host, port }: ListenAddress, { status, urls, url }: QueenStatus): boolean => {
  const used = urls ?? (url === null ? [] : [url]);
  if (used.length === 0) return status === 'failed';
  return used.some((one) => {
    const now = new URL(one);
    const usedPort = Number(now.port || (now.protocol === 'https:' ? 443 : 80));
    return usedPort === port && (hostsOf(host).includes(now.hostname) || isWildcard(host) || isWildcard(now.hostname));
  });
};

const isWildcard = (host: string): boolean => ['0.0.0.0', '::', '[::]'].includes(host);

/** An address as it appears in a URL. */
const hostsOf = (bind: string): string[] =>
  bind === 'localhost' ? ['127.0.0.1', '[::1]'] : [bind.includes(':') ? `[${bind}]` : bind];

const listenError = (host: string, port: number): Promise<NodeJS.ErrnoException | null> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
  });
