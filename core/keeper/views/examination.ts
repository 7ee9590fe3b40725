/** Formats the report of a plugin check. */
import { type Area, areaOf, areas } from '../../conformance/check.ts';
import type { PackageReport, TypeReport } from '../../conformance/check-messages.ts';
import type { CheckResult } from '../../conformance/run-checks.ts';
import { paint, type Terminal } from '../../narration/text.ts';
import type { WrittenManifest } from '../../worker-types/write-manifest.ts';

/** One line per area with its count, the failed checks with their reasons, and the total. */
export const formatExamination = (report: PackageReport, terminal: Terminal): string =>
  report.types.map((type) => formatType(report, type, terminal)).join('\n');

export const formatWrittenManifest = ({ file, types, changed }: WrittenManifest): string =>
  `${file} ${changed ? 'was updated' : 'is up to date'}: ${types.join(', ')}\n`;

const formatType = (report: PackageReport, { type, checks }: TypeReport, terminal: Terminal): string => {
  const title = `${report.package} ${report.version}: worker type ${type}`;
  const byArea = Object.keys(areas).map((area) => checks.filter((check) => areaOf(check) === area));
  const lines = byArea.filter((results) => results.length > 0).map((results) => formatArea(results, terminal));
  const count = (wanted: CheckResult['outcome']) => checks.filter(({ outcome }) => outcome === wanted).length;
  const undeclared = count('undeclared');
  const rest = undeclared === 0 ? '' : `, ${undeclared} skipped (the type does not declare these features)`;
  return `${paint('bold', title, terminal)}\n${lines.join('')}\n${count('passed')} passed, ${count('failed')} failed${rest}\n`;
};

const formatArea = (results: readonly CheckResult[], terminal: Terminal): string => {
  const made = results.filter(({ outcome }) => outcome !== 'undeclared');
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  const name = areas[areaOf(results[0] as CheckResult) as Area].padEnd(22);
  if (made.length === 0) {
    const reason = results[0]?.reason ?? '';
    return `${paint('dim', `${terminal.unicode ? '–' : '-'}    ${name} ${reason}`, terminal)}\n`;
  }
  const mark = failed.length === 0 ? passMark(terminal) : failMark(terminal);
  const sum = failed.length === 0 ? `${made.length}` : `${made.length - failed.length} of ${made.length}`;
  return `${mark} ${name} ${sum}\n${failed.map((check) => formatFailure(check, terminal)).join('')}`;
};

const formatFailure = ({ id, title, reason = '' }: CheckResult, terminal: Terminal): string =>
  `       ${failMark(terminal)} ${title} ${paint('dim', `(${id})`, terminal)}\n         ${reason.replaceAll('\n', '\n         ')}\n`;

const passMark = (terminal: Terminal): string => paint('green', terminal.unicode ? '✔   ' : 'ok  ', terminal);
const failMark = (terminal: Terminal): string => paint('red', terminal.unicode ? '✖   ' : 'FAIL', terminal);
