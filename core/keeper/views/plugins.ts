/** Formats plugins. */
import type {
  PluginDetails,
  PluginHit,
  PluginPrune,
  PluginTypeDetails,
  PluginUpdate,
  PluginView,
} from '../../contract/plugins.ts';
import { jsonForPeople } from '../../narration/printable.ts';
import { formatBytes } from '../../narration/quantities.ts';
import { paint, type Terminal } from '../../narration/text.ts';
import { type Column, formatPairs, formatTable } from '../terminal/table.ts';

/** A row of `rbee plugins list`: a plugin, or a type that cannot be used. */
export interface PluginRow {
  name: string;
  version: string;
  types: string;
  variants: string;
  source: string;
  note: string;
}

export const formatPlugins = (rows: readonly PluginRow[], terminal: Terminal): string =>
  rows.length === 0
    ? 'no plugins; install one with: rbee plugins install llamacpp\n'
    : formatTable(rows, columns, terminal);

const columns: Column<PluginRow>[] = [
  { title: 'PLUGIN', value: ({ name }) => name, flexible: true },
  { title: 'VERSION', value: ({ version }) => version || '-' },
  { title: 'TYPES', value: ({ types }) => types || '-' },
  { title: 'VARIANTS', value: ({ variants }) => variants || '-', flexible: true },
  { title: 'SOURCE', value: ({ source }) => source },
  { title: 'NOTE', value: ({ note }) => note, flexible: true, style: () => 'yellow' },
];

/** The result of an installation. */
export const formatInstalled = (plugin: PluginView, terminal: Terminal): string => {
  const { name, version, types, installed, previous, changed, registry } = plugin;
  const what = `${paint('bold', name, terminal)} ${version}`;
  if (!changed) return `${what} is already installed\n`;
  const before = previous === null || previous === version ? '' : `, replacing ${previous}`;
  const [type = ''] = types;
  const from = registry === null ? ', from a file: rbee plugins update does not update it' : '';
  const use = `  spawn it with: rbee worker spawn --type ${type}\n`;
  return `installed ${what} (${types.join(', ')}; ${installed.join(', ')})${before}${from}\n${use}`;
};

export const formatUpdates = (updates: readonly PluginUpdate[], dryRun: boolean): string => {
  if (updates.length === 0) return 'no plugins are installed\n';
  return updates
    .map(({ name, from, to, changed, note }) =>
      changed && from !== to
        ? `${name}: ${from} ${dryRun ? 'would become' : 'is now'} ${to}\n`
        : `${name} ${from}: ${note ?? ''}\n`,
    )
    .join('');
};

export const formatHits = (plugins: readonly PluginHit[], terminal: Terminal): string => {
  if (plugins.length === 0) return 'no plugins found\n';
  return formatTable(plugins, hitColumns, terminal);
};

const hitColumns: Column<PluginHit>[] = [
  { title: 'PLUGIN', value: ({ name }) => name },
  { title: 'VERSION', value: ({ version }) => version },
  { title: 'TYPES', value: ({ types }) => types.map(({ type }) => type).join(' ') },
  { title: 'VARIANTS', value: ({ types }) => unique(types.flatMap(({ variants }) => variants)), flexible: true },
  { title: 'SERVES', value: ({ types }) => unique(types.flatMap(({ serves }) => serves)), flexible: true },
  { title: 'LICENCE', value: ({ license }) => license ?? '-' },
  { title: 'PUBLISHER', value: ({ publisher }) => publisher, flexible: true },
];

const unique = (words: readonly string[]): string => [...new Set(words)].join(' ');

export const formatPruned = (
  { removed, programs = [], downloads = [], bytes }: PluginPrune,
  dryRun: boolean,
): string => {
  const gone = [
    ...removed,
    ...programs.map((name) => `the program ${name}`),
    ...downloads.map((sum) => `the download ${sum.slice(0, 12)}`),
  ];
  if (gone.length === 0) return 'there is nothing to remove\n';
  const verb = dryRun ? 'would remove' : 'removed';
  const sum = dryRun ? `would free ${formatBytes(bytes)}` : `freed ${formatBytes(bytes)}`;
  return `${gone.map((what) => `${verb} ${what}\n`).join('')}${sum}\n`;
};

export const formatDetails = (plugin: PluginDetails, terminal: Terminal): string => {
  const { name, version, description, license, publisher, registry, integrity, signature, root, source } = plugin;
  const head = formatPairs(
    [
      ['plugin', `${name} ${version}`],
      ['about', description],
      ['licence', license],
      ['publisher', publisher],
      ['registry', registry],
      ['integrity', integrity],
      ['signature', signature],
      ['source', source === 'installed' && registry === null ? 'installed from a file' : (source ?? 'not installed')],
      ['folder', root],
    ],
    terminal,
  );
  const note = source === null ? '\ninstall it to see its options and which variants run here\n' : '';
  return head + plugin.types.map((type) => formatType(type, terminal)).join('') + note;
};

const formatType = (type: PluginTypeDetails, terminal: Terminal): string => {
  const also = type.aliases.length === 0 ? '' : ` (also ${type.aliases.join(', ')})`;
  const title = `\n${paint('bold', `type ${type.type}${also}`, terminal)}\n`;
  const summary = type.summary === '' ? '' : `${type.summary}\n`;
  const serves = `serves ${type.serves.join(' ')}\n`;
  const variants = formatTable(type.variants, variantColumns, terminal);
  const options = type.options?.length ? `\n${formatTable(type.options, optionColumns, terminal)}` : '';
  const variables = type.environment?.length ? `\nvariables (--env): ${type.environment.join(' ')}\n` : '';
  return `${title}${summary}${serves}\n${variants}${options}${variables}`;
};

const variantColumns: Column<PluginTypeDetails['variants'][number]>[] = [
  { title: 'VARIANT', value: ({ id }) => id },
  { title: 'INSTALLED', value: ({ installed }) => (installed ? 'yes' : 'no') },
  { title: 'FITS', value: ({ fits }) => (fits === null ? '?' : fits ? 'yes' : 'no') },
  { title: 'WHY NOT', value: ({ reasons }) => reasons.join('; '), flexible: true, style: () => 'yellow' },
];

type Option = NonNullable<PluginTypeDetails['options']>[number];

const optionColumns: Column<Option>[] = [
  { title: 'OPTION', value: ({ name }) => name },
  { title: 'TYPE', value: ({ type }) => type },
  { title: 'DEFAULT', value: (option) => (option.default === null ? '-' : jsonForPeople(option.default)) },
  { title: 'MEANING', value: ({ description }) => description, flexible: true },
];
