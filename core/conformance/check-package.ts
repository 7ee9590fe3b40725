/** Examines all worker types of a package in a process of its own, so that a plugin that hangs or exits ends alone. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scriptBeside } from '../config/script-beside.ts';
import { RbeeError } from '../contract/errors.ts';
import { lastWords, maxLastWords } from '../narration/last-words.ts';
import { areas } from './check.ts';
import type { CheckMessage, PackageReport, TypeReport } from './check-messages.ts';
import type { CheckResult } from './run-checks.ts';

export interface CheckPackageOptions {
  /** Of the examining process; this one's when absent. */
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /** Called after each check. */
  onResult?: (type: string, result: CheckResult) => void;
}

/** A single check takes some seconds at most. */
const silenceMs = 60_000;

/**
 * Runs all checks on every worker type of the package in `root`. This runs the plugin's code: first in a sandbox, then,
 * if it loads there, in the examining process. Errors: PLUGIN_INVALID, PLUGIN_API_VERSION for a manifest
 * that no hive can read; PLUGIN_NOT_BUILT; the abort's reason.
 */
export const checkPackage = async (root: string, options: CheckPackageOptions = {}): Promise<PackageReport> => {
  options.signal?.throwIfAborted();
  // The child writes only into this folder, because it may be killed at any moment.
  const folder = await mkdtemp(join(tmpdir(), 'rbee-c-'));
  try {
    return await checkIn(folder, root, options);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
};

const checkIn = async (folder: string, root: string, options: CheckPackageOptions): Promise<PackageReport> => {
  const { signal, onResult, env = process.env } = options;
  const script = scriptBeside(import.meta.filename, 'check-child');
  const child = fork(script, [root], {
    cwd: root,
    env: { ...env, TMPDIR: folder },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    signal,
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const report: PackageReport = { package: '', version: '', root, passed: false, types: [] };
  const end = await listen(child, (message) => {
    const type = report.types.at(-1);
    if (message.kind === 'package') Object.assign(report, { package: message.package, version: message.version });
    else if (message.kind === 'type') report.types.push({ type: message.type, passed: false, checks: [] });
    else if (message.kind === 'result' && type) {
      type.checks.push(message.result);
      onResult?.(type.type, message.result);
    }
  });
  await closed;
  signal?.throwIfAborted();
  if (end.kind === 'error') throw RbeeError.from(end.error);
  if (end.kind === 'broke-off') report.types.at(-1)?.checks.push(brokenOff(end.problem));
  for (const type of report.types) type.passed = passes(type);
  report.passed = report.types.length > 0 && report.types.every(({ passed }) => passed);
  return report;
};

type End = Extract<CheckMessage, { kind: 'done' | 'error' }> | { kind: 'broke-off'; problem: string };

/** Forwards messages until the child sends its last one, ends, or is silent for too long. */
const listen = (child: ChildProcess, onMessage: (message: CheckMessage) => void): Promise<End> =>
  new Promise((resolve) => {
    let words = '';
    const finish = (end: End) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      resolve(end);
    };
    const timer = setTimeout(
      () => finish({ kind: 'broke-off', problem: `nothing happened for ${silenceMs / 1000} s` }),
      silenceMs,
    );
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-maxLastWords);
    });
    child.on('message', (message: CheckMessage) => {
      timer.refresh();
      if (message.kind === 'done' || message.kind === 'error') finish(message);
      else onMessage(message);
    });
    child.on('error', (error) => finish({ kind: 'broke-off', problem: error.message }));
    child.on('close', (code, signal) => {
      const last = lastWords(words);
      finish({ kind: 'broke-off', problem: `its process ended with ${signal ?? code}${last && `: ${last}`}` });
    });
  });

const brokenOff = (problem: string): CheckResult => ({
  id: 'purity.survives',
  title: `the checks from "${areas.purity}" on run to the end`,
  outcome: 'failed',
  reason: problem,
  ms: 0,
});

const passes = ({ checks }: TypeReport): boolean =>
  checks.length > 0 && checks.every(({ outcome }) => outcome !== 'failed');
