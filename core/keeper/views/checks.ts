/** Formats the results of checks of machines. */
import type { SshTestResult, SyncCheck, ValidationReport } from '../../contract/api/sync.ts';
import { labelled } from '../../narration/hint.ts';
import { formatDuration } from '../../narration/quantities.ts';
import { paint, type Terminal, textWidth } from '../../narration/text.ts';
import { formatPairs } from '../terminal/table.ts';

export const formatValidation = ({ config, valid, checks }: ValidationReport, terminal: Terminal): string => {
  const failed = checks.filter(({ state }) => state === 'failed').length;
  const verdict = valid ? `${config} is valid` : `${config}: ${failed} of ${checks.length} checks failed`;
  return `${formatChecks(checks, terminal)}\n${verdict}\n`;
};

export const formatSshTest = (result: SshTestResult, terminal: Terminal): string => {
  const { hive, ok, hostname, port, user, jumps, hostKey, authentication, platform, installed, roundTripMs } = result;
  const pairs = formatPairs(
    [
      ['hive', hive],
      ['machine', `${user}@${hostname}, port ${port}`],
      ['over', jumps.join(', ')],
      ['host key', hostKey && `${hostKey.type} ${hostKey.fingerprint}`],
      ['login', authentication],
      ['platform', platform],
      ['rbee', ok ? (installed ?? 'not installed; install it with: rbee sync') : installed],
      ['round trip', roundTripMs === null ? null : formatDuration(roundTripMs)],
    ],
    terminal,
  );
  return `${formatChecks(result.checks, terminal)}\n${pairs}`;
};

export const formatChecks = (checks: readonly SyncCheck[], terminal: Terminal): string => {
  const names = checks.map(({ hive, check }) => (hive === null ? check : `${hive} ${check}`));
  const width = Math.max(0, ...names.map(textWidth));
  return checks
    .map(({ state, text, error }, index) => {
      const name = names[index] ?? '';
      const hint = error === null ? '' : labelled(error.hint);
      const advice = hint === '' ? '' : `  ${' '.repeat(width)}  ${hint}\n`;
      return `${mark(state, terminal)} ${name}${' '.repeat(width - textWidth(name))}  ${text}\n${advice}`;
    })
    .join('');
};

const marks = {
  ok: { colour: 'green', unicode: '✔', ascii: 'ok  ' },
  warning: { colour: 'yellow', unicode: '⚠', ascii: 'warn' },
  failed: { colour: 'red', unicode: '✖', ascii: 'FAIL' },
  skipped: { colour: 'dim', unicode: '-', ascii: 'skip' },
} as const;

const mark = (state: SyncCheck['state'], terminal: Terminal): string => {
  const { colour, unicode, ascii } = marks[state];
  return paint(colour, terminal.unicode ? unicode : ascii, terminal);
};
