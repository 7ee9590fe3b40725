/** Steps of a sync in words, for narration, tables and reports. */
import type { Extra, HivePlan, SyncStep, SyncStepKind } from '../contract/sync.ts';

/** What a step is, told the same in a plan, a journal and a report: unique within its hive. */
export const stepKey = (step: SyncStep): string => {
  switch (step.kind) {
    case 'install_worker':
      return step.variant === null ? `${step.kind}:${step.type}` : `${step.kind}:${step.type}:${step.variant}`;
    case 'uninstall_worker':
      return `${step.kind}:${step.package}`;
    case 'download_model':
      return `${step.kind}:${step.model}`;
    case 'start_worker':
    case 'replace_worker':
    case 'delete_worker':
      return `worker:${step.worker}`;
    case 'install_hive':
    case 'start_hive':
    case 'uninstall_hive':
      return 'hive';
  }
};

/** Is it about the hive itself? Then everything else waits for it. */
export const isHiveStep = ({ kind }: SyncStep): boolean =>
  kind === 'install_hive' || kind === 'start_hive' || kind === 'uninstall_hive';

/** What it does, and to what: `install`, `llamacpp (cuda) 1.1.0`, `1.0.0 is there`. */
export const stepWords = (step: SyncStep): { action: string; what: string; why: string } => {
  switch (step.kind) {
    case 'install_hive':
      return {
        action: verbs[step.kind],
        what: `hive ${step.to}`,
        why: step.from === null ? '' : `${step.from} is there`,
      };
    case 'start_hive':
      return { action: verbs[step.kind], what: 'hive', why: 'it does not run' };
    case 'install_worker':
      return {
        action: verbs[step.kind],
        what: `${step.type}${step.variant === null ? '' : ` (${step.variant})`} ${step.version}`,
        why: step.from === null ? '' : step.from === step.version ? 'not all of it is there' : `${step.from} is there`,
      };
    case 'download_model':
      return { action: verbs[step.kind], what: step.model, why: '' };
    case 'start_worker':
      return { action: verbs[step.kind], what: workerWords(step), why: reasons[step.because] };
    case 'replace_worker':
      return { action: verbs[step.kind], what: workerWords(step), why: reasons[step.because] };
    case 'delete_worker':
      return { action: verbs[step.kind], what: step.worker, why: 'not declared' };
    case 'uninstall_worker':
      return { action: verbs[step.kind], what: `${step.type} ${step.version}`, why: 'not declared' };
    case 'uninstall_hive':
      return { action: verbs[step.kind], what: step.purge ? 'hive and all its files' : 'hive', why: '' };
  }
};

/** In the present, to whoever waits: `installing llamacpp 1.1.0`. */
export const stepDoing = (step: SyncStep): string => `${doing[step.kind]} ${stepWords(step).what}`;

/** Once it is done: `llamacpp 1.1.0 is installed`. */
export const stepDone = (step: SyncStep): string => `${stepWords(step).what} ${done[step.kind]}`;

export const extraWords = (extra: Extra): string => {
  switch (extra.kind) {
    case 'hive':
      return 'the whole machine';
    case 'worker':
      return `worker ${extra.worker} (${extra.type})`;
    case 'worker_type':
      return `${extra.type} ${extra.version}`;
  }
};

/** A plan in a few words: `hive 0.1.0-aa → 0.2.0-bb, 1 type to install, 2 workers to start`. */
export const planSummary = ({ steps, problems, status }: HivePlan): string => {
  if (status === 'unreachable') return problems[0]?.message ?? 'does not answer';
  const parts = steps.flatMap((step) => (step.kind in hiveParts ? [hiveParts[step.kind]!(step)] : []));
  for (const [kind, [one, many]] of Object.entries(counted)) {
    const count = steps.filter((step) => step.kind === kind).length;
    if (count > 0) parts.push(`${count} ${count === 1 ? one : many}`);
  }
  parts.push(...problems.map(({ message }) => message));
  return parts.join(', ') || 'as declared';
};

const workerWords = ({ worker, spec }: { worker: string; spec: { model?: string } }): string =>
  spec.model === undefined ? worker : `${worker} (${spec.model})`;

const verbs: Record<SyncStepKind, string> = {
  install_hive: 'install',
  start_hive: 'start',
  install_worker: 'install',
  download_model: 'download',
  start_worker: 'start',
  replace_worker: 'replace',
  delete_worker: 'delete',
  uninstall_worker: 'uninstall',
  uninstall_hive: 'uninstall',
};

const doing: Record<SyncStepKind, string> = {
  install_hive: 'installing',
  start_hive: 'starting',
  install_worker: 'installing',
  download_model: 'downloading',
  start_worker: 'starting',
  replace_worker: 'replacing',
  delete_worker: 'deleting',
  uninstall_worker: 'uninstalling',
  uninstall_hive: 'uninstalling',
};

const done: Record<SyncStepKind, string> = {
  install_hive: 'is installed',
  start_hive: 'runs',
  install_worker: 'is installed',
  download_model: 'is here',
  start_worker: 'is ready',
  replace_worker: 'is replaced',
  delete_worker: 'is deleted',
  uninstall_worker: 'is uninstalled',
  uninstall_hive: 'is uninstalled',
};

const reasons = {
  missing: '',
  stopped: 'it is stopped',
  failed: 'it failed',
  declaration: 'it is declared otherwise',
  version: 'its plugin has another version',
  taken: 'another worker has its id',
} as const;

const hiveParts: Partial<Record<SyncStepKind, (step: SyncStep) => string>> = {
  install_hive: (step) =>
    step.kind === 'install_hive' && step.from !== null ? `hive ${step.from} → ${step.to}` : 'hive to install',
  start_hive: () => 'hive to start',
  uninstall_hive: () => 'hive to uninstall',
};

const counted: Partial<Record<SyncStepKind, readonly [string, string]>> = {
  install_worker: ['worker type to install', 'worker types to install'],
  download_model: ['model to download', 'models to download'],
  start_worker: ['worker to start', 'workers to start'],
  replace_worker: ['worker to replace', 'workers to replace'],
  delete_worker: ['worker to delete', 'workers to delete'],
  uninstall_worker: ['worker type to uninstall', 'worker types to uninstall'],
};
