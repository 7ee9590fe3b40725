/** The audit log: one JSON line for each operation that was asked for, and one for its end. Only appended to, and rotated. */
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import type { AuditEntry } from '../../contract/api/access.ts';
import { type OperationName, operations } from '../../contract/api/operations.ts';
import { addressWithoutSecrets, withoutSecrets } from '../../contract/secrets.ts';
import type { Caller } from '../../gateway/access/caller.ts';
import { rotated } from '../../lifecycle/logs/reader.ts';
import { keptLogs, rotate } from '../../lifecycle/logs/rotation.ts';
import { tail } from '../../lifecycle/logs/tail.ts';

export interface Asked {
  caller: Caller;
  operation: string;
  input?: unknown;
  job?: string;
  outcome: AuditEntry['outcome'];
  /** Code of the error. */
  code?: string;
}

export interface AuditLogOptions {
  file: string;
  /** Reports that an entry could not be written. */
  onError: (error: unknown) => void;
}

export class AuditLog {
  readonly #file: string;
  readonly #onError: (error: unknown) => void;
  /** Entries are written one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #sinceRotation = 0;

  constructor({ file, onError }: AuditLogOptions) {
    this.#file = file;
    this.#onError = onError;
  }

  /** Records what changes something, what only `admin` may see, and what was refused. */
  record({ caller, operation, input, job, outcome, code }: Asked): void {
    if (outcome !== 'refused' && !isRecorded(operation)) return;
    const entry: AuditEntry = {
      at: new Date().toISOString(),
      who: caller.key?.name ?? caller.name,
      ...(caller.key && { key: caller.key.id }),
      from: caller.from,
      operation: operation.slice(0, 64),
      ...aboutOf(input),
      ...(job !== undefined && { job }),
      outcome,
      ...(code !== undefined && { code }),
    };
    this.#writing = this.#writing.then(() => this.#write(`${JSON.stringify(entry)}\n`)).catch(this.#onError);
  }

  /** The newest entries, oldest first. */
  async list({
    limit = 100,
    key,
    operation,
  }: {
    limit?: number;
    key?: string;
    operation?: string;
  }): Promise<AuditEntry[]> {
    await this.#writing;
    const isWanted = (entry: AuditEntry) =>
      (key === undefined || entry.key === key || entry.who === key) &&
      (operation === undefined || entry.operation === operation);
    const found: AuditEntry[] = [];
    for (const file of [this.#file, ...Array.from({ length: keptLogs }, (_, nth) => rotated(this.#file, nth + 1))]) {
      if (found.length >= limit) break;
      const lines = await tail(file, key === undefined && operation === undefined ? limit : maxSearched);
      found.unshift(
        ...lines
          .map(parsed)
          .filter((entry) => entry !== undefined)
          .filter(isWanted),
      );
    }
    return found.slice(-limit);
  }

  /** Resolves when everything is written. */
  async close(): Promise<void> {
    await this.#writing;
  }

  async #write(line: string): Promise<void> {
    this.#sinceRotation += line.length;
    if (this.#sinceRotation > checkRotationBytes) {
      this.#sinceRotation = 0;
      await rotate(this.#file);
    }
    const write = () => appendFile(this.#file, line, { mode: 0o600 });
    await write().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
      await write();
    });
  }
}

const checkRotationBytes = 256 * 1024;
const maxSearched = 100_000;

const isRecorded = (operation: string): boolean => {
  if (!Object.hasOwn(operations, operation)) return true;
  const { kind, scope } = operations[operation as OperationName];
  return kind === 'change' || scope === 'admin';
};

/** Names only: values of options, prompts and secrets are none of the audit's business. */
const named = [
  'hive',
  'worker',
  'model',
  'type',
  'device',
  'name',
  'id',
  'plugin',
  'folder',
  'key',
  'scope',
  'models',
  'hives',
];

const aboutOf = (input: unknown): { about?: Record<string, string> } => {
  if (typeof input !== 'object' || input === null) return {};
  const about: Record<string, string> = {};
  for (const field of named) {
    const value = (input as Record<string, unknown>)[field];
    if (typeof value === 'string') about[field] = withoutSecrets(addressWithoutSecrets(value)).slice(0, 200);
    else if (Array.isArray(value) && value.every((one) => typeof one === 'string'))
      about[field] = value.join(', ').slice(0, 200);
  }
  return Object.keys(about).length > 0 ? { about } : {};
};

const text = Type.String();
const auditEntry = Compile(
  Type.Object({ at: text, who: text, from: text, operation: text, outcome: text, job: Type.Optional(text) }),
);

/** Undefined for a line that was cut off. */
const parsed = (line: string): AuditEntry | undefined => {
  try {
    const entry: unknown = JSON.parse(line);
    return auditEntry.Check(entry) ? (entry as AuditEntry) : undefined;
  } catch {
    return undefined;
  }
};
