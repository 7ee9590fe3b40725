/** Formats a line of a daemon's log, which is JSON, for people. */

const levels: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
/** Fields that are the same in every line of a log. */
const known = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg']);

/** `2026-01-01T12:00:00.000Z info  the queen is ready url=…`; other lines are printed unchanged. */
export const formatLogLine = (line: string): string => {
  if (!line.startsWith('{')) return line;
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  const { level, time, msg } = entry;
  if (typeof level !== 'number' || typeof time !== 'number') return line;
  const rest = Object.entries(entry).filter(([key]) => !known.has(key));
  const fields = rest.map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const at = Number.isFinite(new Date(time).getTime()) ? new Date(time).toISOString() : String(time);
  return `${at} ${(levels[level] ?? String(level)).padEnd(5)} ${typeof msg === 'string' ? msg : ''}${fields.join('')}`;
};
