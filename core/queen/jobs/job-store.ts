/** Jobs and their events on disk: SQLite, written in batches, kept for a while. */
import { chmodSync, existsSync, renameSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { RbeeError } from '../../contract/errors.ts';
import type { JobEvent } from '../../contract/narration.ts';
import type { OperationName } from '../../contract/operations.ts';
import type { JobState, JobView } from '../../contract/queen-api.ts';

/** A job as it is kept. */
export interface JobRecord extends JobView {
  /** The caller's key, with which the same request is known again. */
  key: string | null;
}

export interface JobStoreOptions {
  /** Told what could not be read or written. */
  log?: (message: string, error?: unknown) => void;
  /** How long a job that ended is kept; 7 days when absent. */
  keepMs?: number;
  /** How many jobs that ended are kept; 1,000 when absent. */
  keepJobs?: number;
}

const flushMs = 50;
const flushCount = 200;
/** With a disk that takes nothing more, the oldest writes are given up rather than all memory. */
const mostPending = 50_000;

const schema = `
  CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, operation TEXT NOT NULL, state TEXT NOT NULL, input TEXT NOT NULL,
    created_at TEXT NOT NULL, ended_at TEXT, result TEXT, error TEXT, key TEXT UNIQUE
  );
  CREATE INDEX IF NOT EXISTS jobs_by_time ON jobs (created_at);
  CREATE TABLE IF NOT EXISTS events (
    job TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (job, seq)
  ) WITHOUT ROWID;
`;

export class JobStore {
  readonly #db: DatabaseSync;
  readonly #log: (message: string, error?: unknown) => void;
  readonly #keepMs: number;
  readonly #keepJobs: number;
  readonly #insertJob: StatementSync;
  readonly #insertEvent: StatementSync;
  readonly #byId: StatementSync;
  readonly #byKey: StatementSync;
  #pending: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #failing = false;

  /** Opens the database; one that is damaged is set aside as `<file>.corrupt-<time>` and a new one made. */
  constructor(file: string, options: JobStoreOptions = {}) {
    this.#log = options.log ?? (() => {});
    this.#keepMs = options.keepMs ?? 7 * 24 * 3_600_000;
    this.#keepJobs = options.keepJobs ?? 1_000;
    this.#db = openOrSetAside(file, this.#log);
    this.#insertJob = this.#db.prepare(
      `INSERT INTO jobs (id, operation, state, input, created_at, ended_at, result, error, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at, result = excluded.result, error = excluded.error`,
    );
    this.#insertEvent = this.#db.prepare('INSERT OR IGNORE INTO events (job, seq, body) VALUES (?, ?, ?)');
    this.#byId = this.#db.prepare('SELECT * FROM jobs WHERE id = ?');
    this.#byKey = this.#db.prepare('SELECT * FROM jobs WHERE key = ?');
  }

  /** Keeps a job as it is now; with the next batch. */
  save(job: JobRecord): void {
    const { id, operation, state, input, createdAt, endedAt, result, error, key } = job;
    const row = [id, operation, state, json(shortened(input)), createdAt, endedAt, json(result), json(error), key];
    this.#write(() => this.#insertJob.run(...row));
  }

  /** Keeps an event; with the next batch. */
  append(job: string, event: JobEvent): void {
    const body = json(event);
    this.#write(() => this.#insertEvent.run(job, event.seq, body));
  }

  /** Writes what waits, in one transaction. False when the disk refused; it is tried again with the next batch. */
  flush(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.length === 0) return true;
    try {
      this.#db.exec('BEGIN');
      for (const write of this.#pending) write();
      this.#db.exec('COMMIT');
      this.#pending = [];
      this.#failing = false;
      return true;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      if (!this.#failing) this.#log('jobs cannot be written to disk; they are kept in memory', error);
      this.#failing = true;
      this.#pending.splice(0, this.#pending.length - mostPending);
      return false;
    }
  }

  /** As it was last written. */
  get(id: string): JobRecord | undefined {
    return optional(this.#byId.get(id));
  }

  /** As it was last written. */
  byKey(key: string): JobRecord | undefined {
    return optional(this.#byKey.get(key));
  }

  /** The newest first. */
  list(limit: number): JobRecord[] {
    this.flush();
    const rows = this.#db.prepare('SELECT * FROM jobs ORDER BY created_at DESC, id DESC LIMIT ?').all(limit);
    return rows.map(recordFrom);
  }

  /** Events with a number above `after`, in order. */
  events(job: string, after: number): JobEvent[] {
    this.flush();
    const rows = this.#db.prepare('SELECT body FROM events WHERE job = ? AND seq > ? ORDER BY seq').all(job, after);
    return rows.map((row) => JSON.parse(row['body'] as string) as JobEvent);
  }

  /** Ends the jobs that a queen who is no more left open, each with QUEEN_RESTARTED as its last event. */
  endOpenJobs(at: string): number {
    const open = this.#db.prepare("SELECT * FROM jobs WHERE state = 'running'").all().map(recordFrom);
    for (const job of open) {
      const error = RbeeError.of('QUEEN_RESTARTED', { job: job.id }).toJSON();
      const last = this.#db.prepare('SELECT max(seq) AS seq FROM events WHERE job = ?').get(job.id)?.['seq'];
      this.append(job.id, { kind: 'error', error, seq: Number(last ?? 0) + 1, at });
      this.save({ ...job, state: 'failed', endedAt: at, error });
    }
    this.flush();
    return open.length;
  }

  /** Forgets jobs that are too old or too many. `now` in milliseconds since 1970. */
  prune(now: number): void {
    this.flush();
    try {
      const oldest = new Date(now - this.#keepMs).toISOString();
      this.#db.prepare("DELETE FROM jobs WHERE state <> 'running' AND ended_at < ?").run(oldest);
      this.#db
        .prepare(
          `DELETE FROM jobs WHERE state <> 'running' AND id NOT IN
           (SELECT id FROM jobs WHERE state <> 'running' ORDER BY created_at DESC, id DESC LIMIT ?)`,
        )
        .run(this.#keepJobs);
      this.#db.exec('DELETE FROM events WHERE job NOT IN (SELECT id FROM jobs)');
    } catch (error) {
      this.#log('old jobs cannot be removed', error);
    }
  }

  close(): void {
    this.flush();
    this.#db.close();
  }

  #write(write: () => void): void {
    this.#pending.push(write);
    if (this.#pending.length >= flushCount && !this.#failing) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), flushMs).unref();
  }
}

const optional = (row: Record<string, unknown> | undefined): JobRecord | undefined => row && recordFrom(row);

const json = (value: unknown): string => JSON.stringify(value ?? null);

const recordFrom = (row: Record<string, unknown>): JobRecord => ({
  id: row['id'] as string,
  operation: row['operation'] as OperationName,
  state: row['state'] as JobState,
  input: JSON.parse(row['input'] as string),
  createdAt: row['created_at'] as string,
  endedAt: row['ended_at'] as string | null,
  result: JSON.parse(row['result'] as string),
  error: JSON.parse(row['error'] as string),
  key: row['key'] as string | null,
});

const open = (file: string): DatabaseSync => {
  const db = new DatabaseSync(file, { timeout: 2_000 });
  try {
    // Jobs hold what people asked.
    chmodSync(file, 0o600);
    // Losing the last batch at a power cut is fine; a damaged file is not.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA auto_vacuum = INCREMENTAL;');
    const check = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (check !== 'ok') throw Object.assign(new Error(String(check)), { errcode: sqliteCorrupt });
    db.exec(schema);
    // Tables of our names and another shape are found out here, not at the first job.
    db.prepare('SELECT id, operation, state, input, created_at, ended_at, result, error, key FROM jobs LIMIT 0');
    db.prepare('SELECT job, seq, body FROM events LIMIT 0');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

/** A statement that does not fit the tables. */
const sqliteError = 1;
const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;

const longestText = 2_000;

/** Prompts may be books; what is kept is for people who look back at what they asked. */
const shortened = (input: unknown): unknown =>
  typeof input !== 'object' || input === null || Array.isArray(input)
    ? input
    : Object.fromEntries(
        Object.entries(input).map(([key, value]) => [
          key,
          typeof value === 'string' && value.length > longestText
            ? `${value.slice(0, longestText)}… (${value.length} characters)`
            : value,
        ]),
      );

const openOrSetAside = (file: string, log: (message: string, error?: unknown) => void): DatabaseSync => {
  try {
    return open(file);
  } catch (error) {
    if (!isDamaged(error)) throw unwritable(file, error);
    const aside = `${file}.corrupt-${new Date().toISOString().replace(/[:.]/g, '-')}`;
    log(`${file} is damaged: it is set aside as ${aside}, and the queen starts with an empty one`, error);
    for (const end of ['', '-wal', '-shm']) if (existsSync(file + end)) renameSync(file + end, aside + end);
  }
  try {
    return open(file);
  } catch (error) {
    throw unwritable(file, error);
  }
};

const isDamaged = (error: unknown): boolean => {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined;
  // An extended code has the primary one in its low byte; a table of another shape is no database of ours either.
  const primary = code === undefined ? undefined : code & 0xff;
  return primary === sqliteCorrupt || primary === sqliteNotADatabase || primary === sqliteError;
};

const unwritable = (path: string, cause: unknown): RbeeError =>
  RbeeError.of(
    'STATE_UNWRITABLE',
    { path, problem: cause instanceof Error ? cause.message : String(cause) },
    { cause },
  );
