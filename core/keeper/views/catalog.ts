/** Formats the worker types of hives. */

import type { HiveCatalogEntry } from '../../contract/api/queen-api.ts';
import type { Terminal } from '../../narration/text.ts';
import { type Column, formatTable } from '../terminal/table.ts';

export const formatCatalog = (types: readonly HiveCatalogEntry[], terminal: Terminal): string =>
  types.length === 0
    ? 'no worker types; install one with: rbee plugins install llamacpp\n'
    : formatTable(types, columns, terminal);

const columns: Column<HiveCatalogEntry>[] = [
  { title: 'HIVE', value: ({ hive }) => hive },
  { title: 'TYPE', value: ({ type }) => type },
  { title: 'VERSION', value: ({ version }) => version },
  { title: 'VARIANTS', value: ({ installed }) => installed.join(' ') || '-', flexible: true },
  { title: 'PLUGIN', value: ({ plugin }) => plugin, flexible: true },
  { title: 'NOTE', value: ({ fault }) => fault ?? '', flexible: true, style: () => 'yellow' },
];
