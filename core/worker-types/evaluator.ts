/** Evaluates a plugin's code in a child process, with a timeout; only plain data comes back. */
import { type ChildProcess, spawn } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { scriptBeside } from '../config/script-beside.ts';
import { packageRoot } from '../config/version.ts';
import { RbeeError } from '../contract/errors.ts';
import { lastWordsInShort, maxLastWords } from '../narration/last-words.ts';
import { type AnswerReader, readAnswers } from './evaluator-answers.ts';
import type { EvaluatorCall } from './evaluator-child.ts';
import { looksOf } from './folder-looks.ts';
import { foldersOf } from './plugin-folders.ts';

/** Milliseconds without a call after which the child is stopped. */
const idleMs = 20_000;
/** Heap limit of the child in MiB: a plugin that leaks memory only kills its own child. */
const heapMiB = 256;

interface Pending {
  member: string;
  resolve(value: unknown): void;
  reject(error: RbeeError): void;
  timer: NodeJS.Timeout;
}

/**
 * The evaluator of one plugin version. Starts its child on the first call, and again after a call that killed it. With
 * `looks`, it runs the code only while the folder has this fingerprint, so that one state of the code is never mixed
 * with another.
 */
export class Evaluator {
  /** Milliseconds for one call, including the start of the child and the import. Tests shorten it. */
  static callTimeoutMs = 5_000;
  readonly #plugin: string;
  readonly #root: string;
  /** Fingerprint of a folder that may be edited; undefined for one that never changes. */
  readonly looks: string | undefined;
  /** Real path of the root: the child may not read symbolic links on the way to it. */
  #place = '';
  #child: ChildProcess | null = null;
  #answers: AnswerReader | null = null;
  #errorText = '';
  #nextId = 1;
  readonly #pending = new Map<number, Pending>();
  #idle: NodeJS.Timeout | null = null;

  constructor(plugin: string, root: string, looks?: string) {
    this.#plugin = plugin;
    this.#root = root;
    this.looks = looks;
  }

  /** The worker type in `entry` (relative to the package) as data. Errors: PLUGIN_FAILED. */
  describe(entry: string): Promise<unknown> {
    return this.call(entry, undefined, []);
  }

  /**
   * Calls a function of the worker type, such as `command` or `variants.cuda.fits`. Errors: PLUGIN_FAILED; PLUGIN_INVALID
   * for a link that leads out of the plugin; PLUGIN_CHANGED if the fingerprint of the folder has changed.
   */
  async call(entry: string, member: string | undefined, args: readonly unknown[]): Promise<unknown> {
    const living = this.#living();
    if (living) return this.#ask(living, entry, member, args);
    const child = await this.#start();
    const answer = await this.#ask(child, entry, member, args);
    // A build may have replaced some of its files while they were loaded.
    await this.#refuseChanged(child);
    return answer;
  }

  #ask(child: ChildProcess, entry: string, member: string | undefined, args: readonly unknown[]): Promise<unknown> {
    if (this.#idle) clearTimeout(this.#idle);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#overdue(id), Evaluator.callTimeoutMs);
      this.#pending.set(id, { member: member ?? 'its entry', resolve, reject, timer });
      const message: EvaluatorCall = { id, entry: join(this.#place, entry), member, args };
      this.#answers?.expect();
      child.stdin?.write(`${JSON.stringify(message)}\n`);
    });
  }

  /** Ends the child. */
  close(): void {
    if (this.#idle) clearTimeout(this.#idle);
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }

  #living(): ChildProcess | null {
    return this.#child?.exitCode === null && this.#child.signalCode === null ? this.#child : null;
  }

  async #refuseChanged(child: ChildProcess | null): Promise<void> {
    if (this.looks === undefined || this.looks === (await looksOf(this.#root))) return;
    const error = RbeeError.of('PLUGIN_CHANGED', { plugin: this.#plugin });
    if (child) this.#end(child, error.message);
    throw error;
  }

  async #start(): Promise<ChildProcess> {
    await this.#refuseChanged(null);
    const [folders, place] = await Promise.all([foldersOf(this.#plugin, this.#root), realpath(this.#root)]);
    // Another call may have started it in the meantime.
    const living = this.#living();
    if (living) return living;
    this.#place = place;
    const script = scriptBeside(import.meta.filename, 'evaluator-child');
    const here = dirname(script);
    const own = [here, join(here, '../contract'), join(packageRoot(), 'package.json')];
    const readable = [...folders, ...own];
    const flags = [
      '--permission',
      // SQLite is not covered by the permission model and could write anywhere.
      '--no-experimental-sqlite',
      ...readable.map((path) => `--allow-fs-read=${path}`),
      `--max-old-space-size=${heapMiB}`,
      '--disable-warning=ExperimentalWarning',
    ];
    const stdio = ['pipe', 'ignore', 'pipe', 'pipe'] as const;
    const child = spawn(process.execPath, [...flags, script], { cwd: this.#place, env: {}, stdio: [...stdio] });
    this.#child = child;
    this.#errorText = '';
    // Writing to an exited process fails; the exit itself is handled below.
    child.stdin?.on('error', () => {});
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-maxLastWords);
    });
    this.#answers = readAnswers(
      child.stdio[3] as Readable,
      (answer) => {
        this.#settle(answer.id, (call) =>
          'error' in answer ? call.reject(this.#failed(call.member, answer.error)) : call.resolve(answer.value),
        );
      },
      (problem) => this.#end(child, problem),
    );
    // `close` comes after the last of stderr, `exit` may come before it.
    child.on('close', (code, signal) => {
      if (this.#child !== child) return;
      this.#child = null;
      const how = signal ? `its process was ended by ${signal}` : `its process exited with code ${code}`;
      const words = lastWordsInShort(this.#errorText);
      this.#failAll(words === '' ? how : `${how}: ${words}`);
    });
    child.on('error', (error) => this.#end(child, error.message));
    child.unref();
    // An idle evaluator must not keep this process alive.
    for (const pipe of child.stdio) (pipe as Socket | null)?.unref();
    return child;
  }

  /** Kills the child after a failure. */
  #end(child: ChildProcess, problem: string): void {
    if (this.#child === child) this.#child = null;
    child.kill('SIGKILL');
    this.#failAll(problem);
  }

  #overdue(id: number): void {
    this.#settle(id, (call) =>
      call.reject(this.#failed(call.member, `no answer within ${Evaluator.callTimeoutMs / 1_000} s`)),
    );
    if (this.#child) this.#end(this.#child, 'another call of the same plugin did not end');
  }

  #settle(id: number, how: (call: Pending) => void): void {
    const call = this.#pending.get(id);
    if (!call) return;
    this.#pending.delete(id);
    clearTimeout(call.timer);
    how(call);
    if (this.#pending.size === 0) this.#rest();
  }

  #rest(): void {
    if (this.#idle) clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.close(), idleMs);
    this.#idle.unref();
  }

  #failAll(problem: string): void {
    for (const id of [...this.#pending.keys()])
      this.#settle(id, (call) => call.reject(this.#failed(call.member, problem)));
  }

  #failed(member: string, problem: string): RbeeError {
    return RbeeError.of('PLUGIN_FAILED', { plugin: this.#plugin, member, problem });
  }
}
