/** What is examined: a worker type, and its package where there is one. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ResolvedType, resolveType } from '../contract/resolved-type.ts';
import type { Failure, FailureCause, WorkerType } from '../contract/worker-type.ts';
import { Evaluator } from '../worker-types/evaluator.ts';
import { CheckFailure } from './must.ts';

/** An end of the engine as it was recorded, and what `diagnose` is to make of it. One entry of `failures.json`. */
export interface RecordedFailure extends Partial<Omit<Failure, 'log'>> {
  log: readonly string[];
  cause: FailureCause;
}

/** The parts of a `package.json` that are looked at; none of them can be relied upon. */
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

export interface SubjectOptions {
  /** Folder of the package. Then its manifest is examined too, and its code in the process where a hive evaluates it. */
  root?: string;
  /** Content of `package.json`; read from `root` when absent. */
  package?: PackageJson;
  /** Recorded ends of the engine; `failures.json` of `root` when absent. */
  failures?: readonly RecordedFailure[];
}

export class Subject {
  /** As its author wrote it. */
  readonly written: WorkerType;
  /** As a hive sees it. */
  readonly type: ResolvedType;
  readonly root: string | undefined;
  readonly packageJson: PackageJson | undefined;
  readonly failures: readonly RecordedFailure[];
  #evaluator: Evaluator | undefined;

  constructor(type: WorkerType, options: SubjectOptions = {}) {
    const { root } = options;
    this.written = type;
    this.type = resolveType(type);
    this.root = root;
    this.packageJson = options.package ?? (root === undefined ? undefined : readJson(join(root, 'package.json')));
    this.failures = options.failures ?? (root === undefined ? undefined : readJson(join(root, 'failures.json'))) ?? [];
  }

  /** What the manifest says of this type. Fails the check when it says nothing. */
  get manifestEntry(): Record<string, unknown> {
    const entry = this.packageJson?.rbee?.workerTypes?.[this.type.name];
    if (typeof entry === 'object') return entry;
    throw new CheckFailure(`package.json has no rbee.workerTypes.${this.type.name}`);
  }

  /** Calls a function of the type in the process where a hive would; no member gives the description. */
  evaluate(member: string | undefined, args: readonly unknown[]): Promise<unknown> {
    if (this.root === undefined) throw new Error('a subject without a folder cannot be evaluated');
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
