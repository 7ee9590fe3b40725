/**
 * The agent: serves the runner of its machine over stdin and stdout. It is bundled into one file
 * that only needs Node, and runs only as long as its client listens.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readlink, rename, rm, statfs, symlink } from 'node:fs/promises';
import { homedir, hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { unpackBundle } from '../../archives/unpack-bundle.ts';
import { LineSplitter } from '../../boundary/lines.ts';
import { machineId, pathsFrom } from '../../config/paths.ts';
import { RbeeError } from '../../contract/errors.ts';
import { cleanEnvironment } from '../../lifecycle/system/environment.ts';
import { localRunner } from '../../lifecycle/system/local-runner.ts';
import { lease, release } from './lease.ts';
import { openDoors } from './open-doors.ts';
import type { AgentAnswer, AgentError, AgentHello, AgentMethod, AgentMethods, AgentRequest } from './protocol.ts';

type Methods = {
  [Method in AgentMethod]: (
    args: Parameters<AgentMethods[Method]>,
    signal: AbortSignal,
  ) => Promise<ReturnType<AgentMethods[Method]>>;
};

const locks = new Map<number, () => void>();
let lastLock = 0;

const methods: Methods = {
  run: ([argv, options], signal) => localRunner.run(argv, { ...options, signal }),
  spawnDetached: async ([argv, options]) => ({ pid: (await localRunner.spawnDetached(argv, options)).pid }),
  read: ([path]) => localRunner.read(path),
  tail: ([path, lines]) => localRunner.tail(path, lines),
  write: ([path, data, options]) => nothing(localRunner.write(path, data, options)),
  writtenAt: ([path]) => localRunner.writtenAt(path),
  remove: ([path]) => nothing(localRunner.remove(path)),
  list: ([folder]) => localRunner.list(folder),
  mkdir: ([folder]) => nothing(localRunner.mkdir(folder)),
  signal: ([target, signal]) => localRunner.signal(target, signal),
  identity: ([pid]) => localRunner.identity(pid),
  groupMembers: ([group]) => localRunner.groupMembers(group),
  findByEnvironment: ([name, value]) => localRunner.findByEnvironment(name, value),
  environment: ([pid]) => localRunner.environment(pid),
  describe: ([pid]) => localRunner.describe(pid),
  request: ([request], signal) => localRunner.request({ ...request, signal }),
  lock: async ([path, options], signal) => {
    const unlock = await localRunner.lock(path, { ...options, signal });
    if (signal.aborted) {
      unlock();
      throw signal.reason;
    }
    lastLock += 1;
    locks.set(lastLock, unlock);
    return lastLock;
  },
  unlock: async ([lock]) => {
    locks.get(lock)?.();
    locks.delete(lock);
    return null;
  },
  sha256: async ([path]) => {
    const hash = createHash('sha256');
    try {
      await pipeline(createReadStream(path), hash);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    return hash.digest('hex');
  },
  unpack: ([{ archive, sha256, folder }], signal) => unpackBundle(archive, { sha256, folder, signal }),
  removeTree: ([path]) => nothing(rm(path, { recursive: true, force: true, maxRetries: 3 })),
  readLink: ([path]) => readlink(path).catch(() => null),
  switchLink: async ([path, target]) => {
    await localRunner.mkdir(dirname(path));
    const beside = `${path}.${randomUUID()}`;
    await symlink(target, beside);
    return nothing(rename(beside, path));
  },
  freeBytes: ([folder]) => freeBytes(folder),
  openDoors: () => openDoors(),
  lease: ([request]) => lease(request),
  release: ([file, owner]) => nothing(release(file, owner)),
};

const nothing = async (work: Promise<unknown>): Promise<null> => {
  await work;
  return null;
};

const freeBytes = async (folder: string): Promise<number> => {
  for (let at = folder; ; at = dirname(at)) {
    const there = await statfs(at).catch(() => null);
    if (there) return there.bavail * there.bsize;
    if (dirname(at) === at) return 0;
  }
};

const running = new Map<number, AbortController>();

const answer = async (id: number, method: AgentMethod, args: readonly unknown[]): Promise<AgentAnswer> => {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const work = methods[method] as (args: readonly unknown[], signal: AbortSignal) => Promise<unknown>;
    return { id, result: await work(args, controller.signal) };
  } catch (error) {
    return { id, error: errorOf(error) };
  } finally {
    running.delete(id);
  }
};

const errorOf = (thrown: unknown): AgentError => {
  const { message, code } = (thrown ?? {}) as { message?: string; code?: unknown };
  return {
    message: message ?? String(thrown),
    ...(typeof code === 'string' && { code }),
    ...(thrown instanceof RbeeError && { body: thrown.toJSON() }),
  };
};

const say = (line: AgentHello | AgentAnswer): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const hello = (): AgentHello => {
  const paths = pathsFrom(process.env);
  return {
    hello: 1,
    pid: process.pid,
    hostname: hostname(),
    machineId: machineId(),
    user: userInfo().username,
    home: homedir(),
    node: process.versions.node,
    execPath: process.execPath,
    platform: { os: process.platform, cpu: process.arch, libc: process.platform === 'linux' ? libc() : null },
    now: Date.now(),
    paths,
    rbeeHome: process.env['RBEE_HOME'] ?? null,
    env: cleanEnvironment(process.env),
  };
};

const libc = (): 'glibc' | 'musl' => {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
};

process.umask(0o077);
// The client is gone, so there is nothing left to do.
process.stdout.on('error', () => process.exit(0));
say(hello());
let silence: NodeJS.Timeout | undefined;
let maxSilenceMs = 0;
const listen = (): void => {
  clearTimeout(silence);
  if (maxSilenceMs > 0) silence = setTimeout(leave, maxSilenceMs);
};
const leave = (): void => {
  for (const controller of running.values()) controller.abort();
  process.exit(0);
};
const splitter = new LineSplitter(Number.POSITIVE_INFINITY);
const hear = (line: string): void => {
  const request = JSON.parse(line) as AgentRequest;
  if ('within' in request) maxSilenceMs = request.within;
  else if ('cancel' in request) running.get(request.cancel)?.abort();
  else void answer(request.id, request.method, request.args).then(say);
  listen();
};
process.stdin.on('data', (chunk: Buffer) => splitter.push(chunk).forEach(hear));
for (const event of ['end', 'close', 'error']) process.stdin.on(event, leave);
