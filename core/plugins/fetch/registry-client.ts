/** The hive's side of the fetch process: starts it on demand, stops it when idle, kills it on cancel. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { scriptBeside } from '../../config/script-beside.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { PluginHit } from '../../contract/plugins.ts';
import type {
  FetchAnswer,
  FetchCall,
  FetchFailure,
  FetchProgress,
  FetchSettings,
  FoundPackage,
  PackageSource,
  PinnedPackage,
  TakenFile,
} from './fetch-calls.ts';
import type { Unpacked } from './unpack-package.ts';

export interface RegistryClientOptions {
  /** The hive's environment, for npm's variables and proxies. */
  env: NodeJS.ProcessEnv;
  /** The data folder; its `.npmrc` is read. */
  folder: string;
  /** Cache for the process's compiled code. */
  cacheFolder: string;
  /** `[registry] url` of rbee.conf. */
  registry?: string;
}

export interface FetchRequest {
  offline?: boolean;
  signal?: AbortSignal;
  /** Bytes received. */
  onProgress?: (bytes: number) => void;
}

/** Milliseconds before an idle process is stopped. */
const idleMs = 15_000;

export class RegistryClient {
  readonly #options: RegistryClientOptions;
  #idle: { child: ChildProcess; timer: NodeJS.Timeout } | null = null;
  readonly #busy = new Set<ChildProcess>();
  #nextId = 1;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
  }

  /** Errors of all calls: REGISTRY_UNREACHABLE, REGISTRY_DENIED, PACKAGE_NOT_FOUND, PACKAGE_REFUSED, and the reason of `signal`. */
  resolve(source: PackageSource, folder: string, request: FetchRequest): Promise<FoundPackage> {
    return this.#call({ kind: 'resolve', source, folder, settings: this.#settings(request) }, request);
  }

  unpack(found: FoundPackage, folder: string, request: FetchRequest): Promise<Unpacked> {
    return this.#call({ kind: 'unpack', found, folder, settings: this.#settings(request) }, request);
  }

  search(text: string, request: FetchRequest): Promise<PluginHit[]> {
    return this.#call({ kind: 'search', text, settings: this.#settings(request) }, request);
  }

  /** Extracts one file of a package into `folder`, compressed with zstd. */
  take(from: PinnedPackage, folder: string, request: FetchRequest): Promise<TakenFile> {
    return this.#call({ kind: 'take', from, folder, settings: this.#settings(request) }, request);
  }

  close(): void {
    if (this.#idle) this.#end(this.#idle.child);
    for (const child of this.#busy) this.#end(child);
  }

  #settings({ offline = false }: FetchRequest): FetchSettings {
    const { folder, registry } = this.#options;
    return { folder, offline, ...(registry !== undefined && { registry }) };
  }

  /** Each process handles one call at a time, because killing it is how a call is cancelled. */
  async #call<Answer>(call: FetchCall, { signal, onProgress }: FetchRequest): Promise<Answer> {
    signal?.throwIfAborted();
    const child = this.#take();
    const abort = () => this.#end(child);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const answer = await this.#ask(child, call, onProgress);
      if ('failure' in answer) throw asCatalogue(answer.failure);
      return answer.value as Answer;
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#rest(child);
    }
  }

  #ask(child: ChildProcess, call: FetchCall, onProgress?: (bytes: number) => void): Promise<FetchAnswer> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const lost = (how: string) => reject(internal(`the process that fetches packages ${how}`));
      const exit = (code: number | null, signal: string | null) =>
        lost(signal ? `was ended by ${signal}` : `exited with code ${code}`);
      child.once('exit', exit);
      const hear = (answer: FetchAnswer | FetchProgress) => {
        if (answer.id !== id) return;
        if ('bytes' in answer) return onProgress?.(answer.bytes);
        child.off('message', hear).off('exit', exit);
        resolve(answer);
      };
      child.on('message', hear);
      child.send({ id, call }, (error) => {
        if (error) lost(`cannot be reached: ${error.message}`);
      });
    });
  }

  #take(): ChildProcess {
    const idle = this.#idle;
    this.#idle = null;
    if (idle) clearTimeout(idle.timer);
    const child = idle?.child.connected ? idle.child : this.#start();
    this.#busy.add(child);
    child.ref();
    child.channel?.ref();
    return child;
  }

  #start(): ChildProcess {
    const { env, folder, cacheFolder } = this.#options;
    const script = scriptBeside(import.meta.filename, 'fetch-child');
    const child = fork(script, [], {
      cwd: folder,
      env: { ...env, NODE_COMPILE_CACHE: env['NODE_COMPILE_CACHE'] ?? join(cacheFolder, 'compiled') },
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('error', () => {});
    return child;
  }

  #rest(child: ChildProcess): void {
    this.#busy.delete(child);
    if (!child.connected || this.#idle) {
      this.#end(child);
      return;
    }
    const timer = setTimeout(() => this.#end(child), idleMs);
    timer.unref();
    child.unref();
    child.channel?.unref();
    this.#idle = { child, timer };
  }

  #end(child: ChildProcess): void {
    if (this.#idle?.child === child) {
      clearTimeout(this.#idle.timer);
      this.#idle = null;
    }
    child.kill('SIGKILL');
  }
}

const internal = (problem: string): RbeeError =>
  RbeeError.of('INTERNAL', { part: 'the hive', problem, log: 'rbee queen logs' });

const asCatalogue = ({ kind, what, problem, versions, access }: FetchFailure): RbeeError => {
  if (versions) {
    return RbeeError.of('VERSION_NOT_FOUND', { package: what, version: versions.asked, known: versions.known });
  }
  if (access) return RbeeError.of('REGISTRY_DENIED', { package: what, problem, ...access });
  switch (kind) {
    case 'missing':
      return RbeeError.of('PACKAGE_NOT_FOUND', { package: what, problem });
    case 'refused':
      return RbeeError.of('PACKAGE_REFUSED', { package: what, problem });
    default:
      return RbeeError.of('REGISTRY_UNREACHABLE', { package: what, problem });
  }
};
