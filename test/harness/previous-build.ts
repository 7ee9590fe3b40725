/** Homes and machines as the previous build left them: its files, filled in with processes that are started here. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseStat } from '../../core/lifecycle/system/identity-linux.ts';

const root = resolve(import.meta.dirname, '../..');
export const previousBuild = join(root, 'test/fixtures/previous-build');
/** Version that its sync installed on the machine. */
export const previousId = '0.1.0-a3aca9e1';

/** A worker type that the previous build did not install on its machine. */
export const trivialPlugin = join(root, 'test/fixtures/worker-trivial');

/** Values by placeholder name. `{{#name}}` in quotes becomes a number. */
export type Values = Readonly<Record<string, string | number>>;

/** What a record says about its process. */
export interface RecordedRun {
  id: string;
  nonce: string;
  pid: number | null;
  logFile: string;
  plan: { argv: string[]; env: Record<string, string>; cwd: string };
}

/** Folders of the plugins that its records name and that are not part of it. */
export const pluginValues: Values = {
  PLUGINS: join(root, 'plugins'),
  TICKER: join(root, 'test/fixtures/worker-ticker'),
};

/** Ids of the records in a folder of the fixture. */
export const runsIn = (folder: string): string[] =>
  readdirSync(join(previousBuild, folder)).map((name) => name.replace(/\.json$/, ''));

/** Replaces the placeholders of a text. Throws if one has no value. */
export const fill = (text: string, values: Values): string =>
  text.replace(/"\{\{#([\w.]+)\}\}"|\{\{([\w.]+)\}\}/g, (_, number?: string, name?: string) => {
    const value = values[number ?? name ?? ''];
    if (value === undefined) throw new Error(`the fixture wants ${number ?? name}`);
    return String(value);
  });

/** A file of the fixture, filled in. */
export const filled = (path: string, values: Values): string =>
  fill(readFileSync(join(previousBuild, path), 'utf8'), values);

/** Copies a folder of the fixture and fills in its text files. */
export const copyFilled = (folder: string, to: string, values: Values): void => {
  for (const entry of readdirSync(join(previousBuild, folder), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const place = join(to, path.slice(join(previousBuild, folder).length));
    const bytes = readFileSync(path);
    mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
    const isText = /\.(json|conf|lock)$/.test(path);
    writeFileSync(place, isText ? fill(bytes.toString(), values) : bytes, { mode: 0o600 });
  }
};

/** Writes the database of the queen from its rows. */
export const writeQueenDb = (rows: string, file: string): void => {
  const { schema, jobs, events } = JSON.parse(rows) as Record<string, Record<string, string | number | null>[]> & {
    schema: string[];
  };
  const db = new DatabaseSync(file);
  for (const line of schema) db.exec(line);
  for (const [table, all] of [
    ['jobs', jobs],
    ['events', events],
  ] as const) {
    for (const row of all ?? []) {
      const names = Object.keys(row);
      const places = names.map(() => '?').join(', ');
      db.prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places})`).run(...Object.values(row));
    }
  }
  db.close();
};

/** Starts the process of a record as its hive did: as the leader of its own group, so it outlives this test. */
export const startRecorded = async ({ id, nonce, logFile, plan }: RecordedRun): Promise<number> => {
  mkdirSync(plan.cwd, { recursive: true });
  const log = openSync(logFile, 'a');
  const [program = '', ...args] = plan.argv;
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...plan.env };
  const child = spawn(program, args, {
    cwd: plan.cwd,
    env: { ...env, RBEE_RUN_NONCE: nonce, RBEE_WORKER_ID: id },
    detached: true,
    stdio: ['ignore', log, log],
  });
  await once(child, 'spawn');
  child.unref();
  return child.pid ?? 0;
};

/** When a process was started, in the format of the records. */
export const startTimeOf = (pid: number): string =>
  parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.startTime ?? '';
