/** Jobs and their events on disk. SQLite, written in batches, with limits on age, number and size. */
import { chmodSync, existsSync, renameSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { JobEvent, Outcome } from '../../contract/api/narration.ts';
import type { OperationName } from '../../contract/api/operations.ts';
import type { JobState, JobView } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import { storedInput } from './kept-input.ts';
import { defaultLimits, eventOverhead } from './limits.ts';

/** A stored job. */
export interface JobRecord extends JobView {
  /** Idempotency key of the caller. */
  key: string | null;
}

export interface JobStoreOptions {
  /** Reports failures to read or write. */
  log?: (message: string, error?: unknown) => void;
  /** How long an ended job is kept; 7 days by default. */
  keepMs?: number;
  /** How many ended jobs are kept; 1,000 by default. */
  keepJobs?: number;
  /** Maximum bytes of the file; 256 MiB by default. */
  maxBytes?: number;
}

const flushMs = 50;
const flushCount = 200;
const flushBytes = 2 ** 20;
/** Events held in memory until they are written. If the disk is full, the oldest are dropped above this size. */
export const maxPendingBytes = 4 * 2 ** 20;
/** Shares of the maximum file size. Above `above`, the oldest jobs are cut until `to` is reached. */
const room = {
  /** Narration of ended jobs. */
  narration: { above: 0.65, to: 0.5 },
  /** Ended jobs with their outcomes. */
  outcomes: { above: 0.85, to: 0.75 },
};
/** Limit for narration if no ended job can make room; the rest is for outcomes. */
const full = 0.75;
/** Events read at once. */
const pageSize = 64;
/** Maximum length of a result in a list of jobs, as JSON. */
const maxListedLength = 16_384;

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

interface Write {
  bytes: number;
  /** An event other than the outcome, which may be dropped. */
  isEvent: boolean;
  run: () => void;
}

/**
 * More events than can have been sent but not yet written when a queen was killed. Its readers know higher numbers than
 * the file, and would ignore an outcome with a lower one and wait forever.
 */
const unwrittenEvents = 1_000_000;

export class JobStore {
  readonly #file: string;
  readonly #db: DatabaseSync;
  readonly #log: (message: string, error?: unknown) => void;
  readonly #keepMs: number;
  readonly #keepJobs: number;
  readonly #maxBytes: number;
  readonly #insertJob: StatementSync;
  readonly #insertEvent: StatementSync;
  readonly #deleteEvent: StatementSync;
  readonly #byId: StatementSync;
  readonly #byKey: StatementSync;
  readonly #page: StatementSync;
  #pending: Write[] = [];
  #pendingBytes = 0;
  /** Bytes of the file in use, as of the last batch. */
  #used = 0;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;

  /** Opens the database. A damaged one is renamed to `<file>.corrupt-<time>`, and a new one is created. */
  constructor(file: string, options: JobStoreOptions = {}) {
    this.#file = file;
    this.#log = options.log ?? (() => {});
    this.#keepMs = options.keepMs ?? 7 * 24 * 3_600_000;
    this.#keepJobs = options.keepJobs ?? 1_000;
    this.#maxBytes = options.maxBytes ?? defaultLimits.disk;
    this.#db = openOrSetAside(file, this.#log);
    this.#insertJob = this.#db.prepare(
      `INSERT INTO jobs (id, operation, state, input, created_at, ended_at, result, error, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at, result = excluded.result, error = excluded.error`,
    );
    this.#insertEvent = this.#db.prepare('INSERT OR IGNORE INTO events (job, seq, body) VALUES (?, ?, ?)');
    this.#deleteEvent = this.#db.prepare('DELETE FROM events WHERE job = ? AND seq = ?');
    this.#byId = this.#db.prepare('SELECT * FROM jobs WHERE id = ?');
    this.#byKey = this.#db.prepare('SELECT * FROM jobs WHERE key = ?');
    this.#page = this.#db.prepare('SELECT body FROM events WHERE job = ? AND seq > ? AND seq < ? ORDER BY seq LIMIT ?');
    this.#used = this.#usedBytes();
  }

  /** Maximum bytes of the file. */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Bytes waiting to be written. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Bytes on disk, including the write-ahead log. */
  get diskBytes(): number {
    return sizeOf(this.#file) + sizeOf(`${this.#file}-wal`);
  }

  /** Is there room on disk for narration? For outcomes there always is. */
  get hasRoom(): boolean {
    return this.#used + this.#pendingBytes < this.#maxBytes * full;
  }

  /** Stores the present state of a job with the next batch. */
  save(job: JobRecord): void {
    const { id, operation, state, input, createdAt, endedAt, result, error, key } = job;
    const texts = [json(storedInput(input)), json(result), json(error)] as const;
    const row = [id, operation, state, texts[0], createdAt, endedAt, texts[1], texts[2], key];
    const bytes = texts.reduce((sum, text) => sum + text.length, eventOverhead);
    this.#write({ bytes, isEvent: false, run: () => this.#insertJob.run(...row) });
  }

  /** Stores an event with the next batch, and drops the one that it replaces. */
  append(job: string, seq: number, body: string, instead?: number): void {
    const run = () => {
      if (instead !== undefined) this.#deleteEvent.run(job, instead);
      this.#insertEvent.run(job, seq, body);
    };
    this.#write({ bytes: body.length + eventOverhead, isEvent: true, run });
  }

  /** Stores the last event of a job. The outcome itself is stored once, with the job. */
  appendOutcome(job: string, { kind, seq, at }: JobEvent & Outcome): void {
    const run = () => this.#insertEvent.run(job, seq, json({ kind, seq, at }));
    this.#write({ bytes: eventOverhead, isEvent: false, run });
  }

  /** Writes what is waiting in one transaction. False if the disk refused; the next batch tries again. */
  flush(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.length === 0) return true;
    try {
      this.#db.exec('BEGIN');
      for (const { run } of this.#pending) run();
      this.#db.exec('COMMIT');
      this.#pending = [];
      this.#pendingBytes = 0;
      this.#failing = false;
      this.#used = this.#usedBytes();
      if (this.#used > this.#maxBytes * room.narration.above) this.#makeRoom();
      return true;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      if (!this.#failing) this.#log('cannot write jobs to disk; they are kept in memory', error);
      this.#failing = true;
      this.#giveUp();
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

  /** The newest first, without long results. */
  list(limit: number): JobRecord[] {
    this.flush();
    const columns = `id, operation, state, input, created_at, ended_at, error, key,
      CASE WHEN length(result) > ${maxListedLength} THEN 'null' ELSE result END AS result`;
    const rows = this.#db.prepare(`SELECT ${columns} FROM jobs ORDER BY created_at DESC, id DESC LIMIT ?`).all(limit);
    return rows.map(recordFrom);
  }

  /** The next events with a number above `after` and below `before`, in order. Empty if there are no more. */
  events(job: string, after: number, before = Number.MAX_SAFE_INTEGER): JobEvent[] {
    this.flush();
    return this.#page.all(job, after, before, pageSize).map((row) => this.#eventFrom(job, row['body'] as string));
  }

  /** Ends the jobs that an earlier queen left open, with QUEEN_RESTARTED as their last event. */
  endOpenJobs(at: string): number {
    const open = this.#db.prepare("SELECT * FROM jobs WHERE state = 'running'").all().map(recordFrom);
    for (const job of open) {
      const error = RbeeError.of('QUEEN_RESTARTED', { job: job.id }).toJSON();
      const last = this.#db.prepare('SELECT max(seq) AS seq FROM events WHERE job = ?').get(job.id)?.['seq'];
      this.appendOutcome(job.id, { kind: 'error', error, seq: Number(last ?? 0) + unwrittenEvents, at });
      this.save({ ...job, state: 'failed', endedAt: at, error });
    }
    this.flush();
    return open.length;
  }

  /** Removes jobs beyond the limits, and shrinks the file. `now` in milliseconds since 1970. */
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
      this.#makeRoom();
    } catch (error) {
      this.#log('cannot remove old jobs', error);
    }
  }

  close(): void {
    this.flush();
    this.#db.close();
  }

  /** Drops first the narration of the oldest ended jobs, then whole jobs, then shrinks the file. */
  #makeRoom(): void {
    try {
      const hasMore = 'EXISTS (SELECT 1 FROM events WHERE job = jobs.id LIMIT 1 OFFSET 1)';
      const said = 'DELETE FROM events WHERE job = ?1 AND seq < (SELECT max(seq) FROM events WHERE job = ?1)';
      const all = ['DELETE FROM events WHERE job = ?1', 'DELETE FROM jobs WHERE id = ?1'];
      this.#removeOldest(room.narration, hasMore, [said]);
      this.#removeOldest(room.outcomes, 'true', all);
      // Created by an older rbee, whose files could not shrink. Rewriting it once makes that possible.
      if (this.#pragma('auto_vacuum') !== incremental) this.#db.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM');
      if (this.#pragma('freelist_count') > 0) this.#db.exec('PRAGMA incremental_vacuum');
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      this.#used = this.#usedBytes();
    } catch (error) {
      this.#log('cannot shrink the job database', error);
    }
  }

  #removeOldest({ above, to }: { above: number; to: number }, which: string, statements: readonly string[]): void {
    if (this.#usedBytes() <= this.#maxBytes * above) return;
    const ended = `SELECT id FROM jobs WHERE state <> 'running' AND ${which} ORDER BY created_at, id`;
    const removals = statements.map((statement) => this.#db.prepare(statement));
    for (const { id } of this.#db.prepare(ended).all()) {
      for (const removal of removals) removal.run(id as string);
      // A deletion is written to the log first: many in a row would make the log as long as the file.
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      if (this.#usedBytes() <= this.#maxBytes * to) return;
    }
  }

  #eventFrom(job: string, body: string): JobEvent {
    const event = JSON.parse(body) as JobEvent;
    const { kind, seq, at } = event;
    if (kind === 'result' && !('result' in event)) return { kind, result: this.get(job)?.result ?? null, seq, at };
    if (kind !== 'error' || 'error' in event) return event;
    return { kind, error: this.get(job)?.error ?? RbeeError.of('QUEEN_RESTARTED', { job }).toJSON(), seq, at };
  }

  #usedBytes(): number {
    return (this.#pragma('page_count') - this.#pragma('freelist_count')) * this.#pragma('page_size');
  }

  #pragma(name: 'page_count' | 'page_size' | 'freelist_count' | 'auto_vacuum'): number {
    return Number(this.#db.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
  }

  #write(write: Write): void {
    this.#pending.push(write);
    this.#pendingBytes += write.bytes;
    const isDue = this.#pending.length >= flushCount || this.#pendingBytes >= flushBytes;
    if (isDue && !this.#failing) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), flushMs).unref();
    if (this.#pendingBytes > maxPendingBytes) this.#giveUp();
  }

  /** Events first, and the oldest events first among them. */
  #giveUp(): void {
    for (const isOf of [(write: Write) => write.isEvent, () => true]) {
      if (this.#pendingBytes <= maxPendingBytes) return;
      const kept: Write[] = [];
      for (const write of this.#pending) {
        if (this.#pendingBytes > maxPendingBytes / 2 && isOf(write)) this.#pendingBytes -= write.bytes;
        else kept.push(write);
      }
      this.#pending = kept;
    }
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
    // Jobs contain what people asked.
    chmodSync(file, 0o600);
    // Losing the last batch in a power failure is acceptable; a damaged file is not.
    // auto_vacuum only takes effect as the first statement on a new file.
    db.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    db.exec(`PRAGMA journal_size_limit = ${flushBytes}; PRAGMA wal_autocheckpoint = 256;`);
    const check = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (check !== 'ok') throw Object.assign(new Error(String(check)), { errcode: sqliteCorrupt });
    db.exec(schema);
    // Finds tables of another shape now rather than at the first job.
    db.prepare('SELECT id, operation, state, input, created_at, ended_at, result, error, key FROM jobs LIMIT 0');
    db.prepare('SELECT job, seq, body FROM events LIMIT 0');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

/** A statement that does not match the tables. */
const sqliteError = 1;
const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;

/** SQLite's value of `auto_vacuum = INCREMENTAL`. */
const incremental = 2;

const openOrSetAside = (file: string, log: (message: string, error?: unknown) => void): DatabaseSync => {
  try {
    return open(file);
  } catch (error) {
    if (!isDamaged(error)) throw unwritable(file, error);
    const aside = `${file}.corrupt-${new Date().toISOString().replace(/[:.]/g, '-')}`;
    log(`${file} is damaged: it was renamed to ${aside}, and the queen starts with an empty one`, error);
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
  // The low byte of an extended code is the primary code. Tables of another shape count as damage.
  const primary = code === undefined ? undefined : code & 0xff;
  return primary === sqliteCorrupt || primary === sqliteNotADatabase || primary === sqliteError;
};

const unwritable = (path: string, cause: unknown): RbeeError =>
  RbeeError.of(
    'STATE_UNWRITABLE',
    { path, problem: cause instanceof Error ? cause.message : String(cause) },
    { cause },
  );

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
