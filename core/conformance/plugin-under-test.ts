/** The worker type under test, and its package if it has one. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ResolvedType, resolveType } from '../contract/worker-type/resolved-type.ts';
import type { Failure, FailureCause, WorkerType } from '../contract/worker-type/worker-type.ts';
import { Evaluator } from '../worker-types/evaluator.ts';
import { CheckFailure } from './assert.ts';

/** A recorded exit of the engine and the cause that `diagnose` must find. One entry of `failures.json`. */
export interface RecordedFailure extends Partial<Omit<Failure, 'log'>> {
  log: readonly string[];
  cause: FailureCause;
}

/** The fields of `package.json` that are checked. Any of them may be missing or of a wrong type. */
export interface PackageJson {
  name?: unknown;
  version?: unknown;
  license?: unknown;
  keywords?: unknown;
  files?: unknown;
  scripts?: Record<string, unknown>;
  dependencies?: Record<string, unknown>;
  rbee?: { api?: unknown; workerTypes?: Record<string, Record<string, unknown> | undefined> };
}

export interface PluginUnderTestOptions {
  /** Folder of the package. If given, its manifest is checked too, and its code in the evaluator process of a hive. */
  root?: string;
  /** Content of `package.json`; read from `root` when absent. */
  package?: PackageJson;
  /** Recorded exits of the engine; read from `failures.json` in `root` when absent. */
  failures?: readonly RecordedFailure[];
}

export class PluginUnderTest {
  /** As its author wrote it. */
  readonly written: WorkerType;
  /** As a hive sees it. */
  readonly type: ResolvedType;
  readonly root: string | undefined;
  readonly packageJson: PackageJson | undefined;
  readonly failures: readonly RecordedFailure[];
  #evaluator: Evaluator | undefined;

  constructor(type: WorkerType, options: PluginUnderTestOptions = {}) {
    const { root } = options;
    this.written = type;
    this.type = resolveType(type);
    this.root = root;
    this.packageJson = options.package ?? (root === undefined ? undefined : readJson(join(root, 'package.json')));
    this.failures = options.failures ?? (root === undefined ? undefined : readJson(join(root, 'failures.json'))) ?? [];
  }

  /** The manifest entry of this type. Fails the check if there is none. */
  get manifestEntry(): Record<string, unknown> {
    const entry = this.packageJson?.rbee?.workerTypes?.[this.type.name];
    if (typeof entry === 'object') return entry;
    throw new CheckFailure(`package.json has no rbee.workerTypes.${this.type.name}`);
  }

  /** Calls a function of the type in the evaluator process, as a hive does; without a member it returns the description. */
  evaluate(member: string | undefined, args: readonly unknown[]): Promise<unknown> {
    if (this.root === undefined) throw new Error('a plugin without a folder cannot be evaluated');
    this.#evaluator ??= new Evaluator(String(this.packageJson?.name ?? this.root), this.root);
    return this.#evaluator.call(String(this.manifestEntry['entry']), member, args);
  }

  close(): void {
    this.#evaluator?.close();
  }
}

const readJson = <Value>(file: string): Value | undefined => {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Value;
  } catch (error) {
    throw new CheckFailure(`${file} cannot be read: ${(error as Error).message}`);
  }
};
