/** Formats models. */
import type { ModelCollection, ModelDetails, ModelVerification, ModelView } from '../../contract/models.ts';
import { formatAge, formatBytes } from '../../narration/quantities.ts';
import { paint, type Terminal } from '../../narration/text.ts';
import { type Column, formatPairs, formatTable } from '../terminal/table.ts';

export const formatModels = (models: readonly ModelView[], terminal: Terminal): string =>
  models.length === 0
    ? 'no models; download one with: rbee model download hf:org/repo\n'
    : formatTable(models, columns(new Set(models.map(({ hive }) => hive)).size > 1), terminal) + whatToDo(models);

/** How to complete an incomplete model, or delete it. */
const whatToDo = (models: readonly ModelView[]): string => {
  const [first, ...more] = models.filter(isStopped);
  if (first === undefined) return '';
  const which = more.length === 0 ? 'it' : 'each';
  const name = first.model;
  return `\n${more.length + 1} incomplete; to complete ${which}: rbee model download ${name}; to delete ${which}: rbee model delete ${name}\n`;
};

const isStopped = ({ complete, downloading, source }: ModelView): boolean =>
  !complete && !downloading && source !== 'file';

const columns = (withHive: boolean): Column<ModelView>[] => [
  { title: 'NAME', value: ({ name }) => name, flexible: true },
  { title: 'SIZE', value: sizeText, align: 'right', style: ({ complete }) => (complete ? undefined : 'yellow') },
  { title: 'FORMAT', value: ({ format }) => format ?? '-' },
  { title: 'PARAMETERS', value: ({ gguf }) => count(gguf?.parameters ?? null), align: 'right' },
  { title: 'QUANTIZATION', value: ({ gguf }) => gguf?.quantization ?? '-' },
  { title: 'CONTEXT', value: ({ gguf }) => String(gguf?.contextLength ?? '-'), align: 'right' },
  { title: 'USED BY', value: ({ workers }) => workers.join(' ') || '-', flexible: true },
  ...(withHive ? [{ title: 'HIVE', value: ({ hive }: ModelView) => hive }] : []),
  { title: 'MODEL', value: ({ model }) => model, flexible: true },
];

const sizeText = (model: ModelView): string => {
  const { bytes, begunBytes = 0, wantedBytes, complete, source, downloading } = model;
  if (complete) return formatBytes(bytes);
  if (source === 'file') return 'missing';
  const there = formatBytes(bytes + begunBytes);
  const whole = wantedBytes > bytes ? ` of ${formatBytes(wantedBytes)}` : '';
  return `${downloading ? 'downloading' : 'incomplete'}, ${there}${whole}`;
};

/** `751632384` is `752 M`. */
const count = (parameters: number | null): string => {
  if (parameters === null) return '-';
  const [unit = '', size = 1] =
    [['T', 1e12] as const, ['G', 1e9] as const, ['M', 1e6] as const, ['k', 1e3] as const].find(
      ([, least]) => parameters >= least,
    ) ?? [];
  const value = parameters / size;
  return `${value >= 100 ? Math.round(value) : Number(value.toFixed(1))}${unit === '' ? '' : ` ${unit}`}`;
};

export const formatModel = (model: ModelDetails, terminal: Terminal, now = Date.now()): string => {
  const { gguf, files } = model;
  const pairs = formatPairs(
    [
      ['model', model.model],
      ['name', model.name],
      ['hive', model.hive],
      ['state', stateText(model)],
      ['size', formatBytes(model.bytes)],
      ['format', model.format],
      ['architecture', gguf?.architecture],
      ['parameters', gguf && count(gguf.parameters)],
      ['quantization', gguf?.quantization],
      ['context', gguf?.contextLength === null ? null : gguf && `${gguf.contextLength} tokens`],
      ['chat template', gguf && (gguf.chatTemplate ? 'yes' : 'no')],
      ['commit', model.commit],
      ['added', model.addedAt && `${model.addedAt} (${formatAge(model.addedAt, now)} ago)`],
      ['used by', model.workers.join(' ')],
      ['path', model.path],
    ],
    terminal,
  );
  return files.length === 0 ? pairs : `${pairs}\n${formatTable(files, fileColumns, terminal)}`;
};

const stateText = (model: ModelDetails): string => {
  if (model.complete) return 'complete';
  const drop = `delete it with: rbee model delete ${model.model}`;
  if (model.source === 'file') return `missing; ${drop}`;
  if (model.downloading) return sizeText(model);
  return `${sizeText(model)}; complete it with: rbee model download ${model.model}, or ${drop}`;
};

const fileColumns: Column<ModelDetails['files'][number]>[] = [
  { title: 'FILE', value: ({ path }) => path, flexible: true },
  { title: 'SIZE', value: ({ bytes }) => formatBytes(bytes), align: 'right' },
  { title: 'SHA-256', value: ({ sha256 }) => sha256 ?? '-', flexible: true },
];

/** The result of a download. */
export const formatDownloaded = (model: ModelDetails, terminal: Terminal): string => {
  const name = paint('bold', model.model, terminal);
  const about = [model.gguf?.quantization, formatBytes(model.bytes)].filter(Boolean).join(', ');
  const path = model.path ?? '';
  return model.changed
    ? `downloaded ${name} (${about})\n  ${path}\n`
    : `${name} was already downloaded (${about})\n  ${path}\n`;
};

export const formatDeleted = ({ model, source, bytes }: ModelView): string =>
  source === 'file'
    ? `${model} is no longer listed; its files were kept\n`
    : `deleted ${model} (${formatBytes(bytes)})\n`;

export const formatVerified = (models: readonly ModelVerification[], terminal: Terminal): string => {
  if (models.length === 0) return 'no models to verify\n';
  return models
    .map(({ model, files, bytes, problems }) => {
      const name = model;
      if (problems.length === 0)
        return `${paint('green', 'fine', terminal)} ${name} (${files} files, ${formatBytes(bytes)})\n`;
      const lines = problems.map(({ path, problem }) => `  ${path}: ${problem}\n`);
      return `${paint('red', 'damaged', terminal)} ${name}; repair it with: rbee model download ${name}\n${lines.join('')}`;
    })
    .join('');
};

export const formatCollected = ({ removed, bytes }: ModelCollection, dryRun: boolean): string => {
  if (removed.length === 0) return 'there is nothing to remove\n';
  const verb = dryRun ? 'would remove' : 'removed';
  const lines = removed.map(({ path, why }) => `${verb} ${path} (${why})\n`).join('');
  return `${lines}${dryRun ? 'would free' : 'freed'} ${formatBytes(bytes)}\n`;
};
