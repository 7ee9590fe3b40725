/** Formats hives and their devices. */
import type { HiveDevices } from '../../contract/api/hive-api.ts';
import type { HiveView } from '../../contract/api/queen-api.ts';
import type { DeviceFacts } from '../../contract/worker-type/worker-type.ts';
import { formatAge, formatBytes } from '../../narration/quantities.ts';
import { paint, type Terminal } from '../../narration/text.ts';
import { type Column, formatPairs, formatTable } from '../terminal/table.ts';
import { isOlder } from '../version-order.ts';

/** `ours` is the version of this command line. */
export const formatHives = (
  hives: readonly HiveView[],
  terminal: Terminal,
  { ours, now = Date.now() }: { ours?: string; now?: number } = {},
): string => {
  if (hives.length === 0) return 'no hives\n';
  const notes = hives.flatMap((hive) => [reasonNote(hive, now), ageNote(hive, ours)]).filter((note) => note !== null);
  return (
    formatTable(hives, columns(now), terminal) + notes.map((note) => `\n${paint('yellow', note, terminal)}\n`).join('')
  );
};

const reasonNote = ({ alias, status, reason, since }: HiveView, now: number): string | null => {
  if (reason === null) return null;
  const state = status === 'unreachable' ? `unreachable for ${formatAge(since, now)}: ` : '';
  return `${alias}: ${state}${reason}`;
};

/** Daemons one minor version apart work together, but should be updated soon. */
const ageNote = ({ alias, mode, version }: HiveView, ours: string | undefined): string | null => {
  if (ours === undefined || version === null || !isOlder(version, ours)) return null;
  return `${alias}: runs rbee ${version}, older than this ${ours}; update it with: ${renewal(mode, alias)}`;
};

/** The command that updates the daemon of a hive to the version of the command line. */
export const renewal = (mode: HiveView['mode'], alias: string): string => {
  switch (mode) {
    case 'ssh':
      return `rbee sync --hive ${alias}`;
    case 'local':
      return `rbee hive restart ${alias}`;
    case 'attached':
      return 'rbee queen restart';
  }
};

const columns = (now: number): Column<HiveView>[] => [
  { title: 'HIVE', value: (hive) => hive.alias },
  { title: 'STATUS', value: (hive) => hive.status, style: (hive) => statusStyle(hive.status) },
  { title: 'HOST', value: (hive) => hive.hostname, flexible: true },
  { title: 'DEVICES', value: (hive) => hive.devices.map((device) => device.id).join(' ') || '-', flexible: true },
  { title: 'MEMORY FREE', value: (hive) => memoryText(hive.memory), align: 'right' },
  { title: 'WORKERS', value: (hive) => String(hive.workers), align: 'right' },
  { title: 'TYPES', value: (hive) => hive.types.join(' ') || '-', flexible: true },
  { title: 'SINCE', value: (hive) => formatAge(hive.since, now), align: 'right' },
];

const statusStyle = (status: HiveView['status']) =>
  status === 'online' ? 'green' : status === 'stopped' ? 'dim' : 'red';

const memoryText = (memory: HiveView['memory']): string =>
  memory === null ? '-' : `${formatBytes(memory.available)} of ${formatBytes(memory.total)}`;

/** Show everything about one hive. */
export const formatHive = (hive: HiveView, terminal: Terminal, ours?: string, now = Date.now()): string =>
  formatPairs(
    [
      ['hive', hive.alias],
      ['status', `${hive.status} since ${hive.since} (${formatAge(hive.since, now)})`],
      ['reason', hive.reason],
      ['host', hive.hostname],
      ['mode', modes[hive.mode]],
      ['pid', hive.pid === null ? null : String(hive.pid)],
      ['version', hive.version],
      ['cpu', hive.cpu && `${hive.cpu.model}, ${hive.cpu.cores} cores`],
      ['memory free', hive.memory && memoryText(hive.memory)],
      ['devices', hive.devices.map((device) => device.id).join(' ')],
      ['types', hive.types.join(' ')],
      ['workers', String(hive.workers)],
      ['labels', labelsText(hive)],
      ['note', ageNote(hive, ours)],
    ],
    terminal,
  );

/** Null if there are none. A queen of an older version sends none. */
const labelsText = ({ labels = {} }: Partial<HiveView>): string | null =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ') || null;

const modes: Record<HiveView['mode'], string> = {
  attached: 'inside the queen',
  local: 'a separate process on this machine',
  ssh: 'on another machine, over SSH',
};

/** The state of a hive in one line. */
export const formatHiveStatus = (hive: HiveView, terminal: Terminal, ours?: string, now = Date.now()): string => {
  const place = hive.pid === null ? '' : `, pid ${hive.pid}`;
  const note = ageNote(hive, ours);
  const why = hive.reason ? `: ${hive.reason}` : '';
  return `${hive.alias} is ${paint(statusStyle(hive.status), hive.status, terminal)} (${modes[hive.mode]}${place}, for ${formatAge(hive.since, now)})${why}\n${note === null ? '' : `${paint('yellow', note, terminal)}\n`}`;
};

export const formatDevices = (found: HiveDevices, terminal: Terminal): string => {
  const notes = found.notes.map((note) => `${paint('dim', `note: ${note}`, terminal)}\n`);
  return formatTable(found.devices, deviceColumns, terminal) + (notes.length > 0 ? `\n${notes.join('')}` : '');
};

const deviceColumns: Column<DeviceFacts>[] = [
  { title: 'DEVICE', value: (device) => device.id },
  { title: 'NAME', value: (device) => device.name, flexible: true },
  { title: 'MEMORY', value: ({ memory }) => (memory ? formatBytes(memory.total) : '-'), align: 'right' },
  { title: 'FREE', value: ({ memory }) => (memory ? formatBytes(memory.free) : '-'), align: 'right' },
  {
    title: 'IN USE',
    value: ({ utilization }) => (utilization === undefined ? '-' : `${Math.round(utilization * 100)} %`),
    align: 'right',
  },
  { title: 'DRIVER', value: (device) => device.driver ?? '-' },
  { title: 'NOTE', value: (device) => device.fault ?? '', flexible: true, style: () => 'yellow' },
];
