/** Steps of a sync in words, for narration, tables and reports. */
import type { Extra, HivePlan, SyncStep, SyncStepKind } from '../contract/api/sync.ts';

/** Identifies a step within its hive, in plans, journals and reports. */
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

/** A step on the hive itself. All other steps wait for it. */
export const isHiveStep = ({ kind }: SyncStep): boolean =>
  kind === 'install_hive' || kind === 'start_hive' || kind === 'uninstall_hive';

export interface StepWords {
  /** `install`. */
  verb: string;
  /** `llamacpp 1.1.0 (cuda)`. */
  what: string;
  /** The reason for the step. */
  why: string;
}

export const stepWords = (step: SyncStep): StepWords => {
  const verb = verbs[step.kind];
  switch (step.kind) {
    case 'install_hive':
      return { verb, what: `rbee ${step.to}`, why: step.from === null ? 'missing' : whyReplaced(step) };
    case 'start_hive':
      return { verb, what: 'the hive', why: 'not running' };
    case 'install_worker':
      return { verb, what: typeText(step), why: whyInstalled(step) };
    case 'download_model':
      return { verb, what: step.model, why: 'missing' };
    case 'start_worker':
      return { verb, what: step.worker, why: startReasons[step.because] };
    case 'replace_worker':
      return { verb, what: step.worker, why: replaceReasons[step.because] };
    case 'delete_worker':
      return { verb, what: `${step.worker} (${step.type})`, why: 'not declared' };
    case 'uninstall_worker':
      return { verb, what: `${step.type} ${step.version}`, why: 'not declared' };
    case 'uninstall_hive':
      return { verb, what: step.purge ? 'rbee and all its data' : 'rbee', why: '' };
  }
};

/** `install llamacpp 1.1.0 (cuda)`. */
export const stepText = (step: SyncStep): string => {
  const { verb, what } = stepWords(step);
  return `${verb} ${what}`;
};

/** While it runs: `installing llamacpp 1.1.0`. */
export const stepDoing = (step: SyncStep): string => `${doing[step.kind]} ${stepWords(step).what}`;

/** When it is done: `llamacpp 1.1.0 is installed`. */
export const stepDone = (step: SyncStep): string => `${stepWords(step).what} ${done[step.kind]}`;

export const extraText = (extra: Extra): string => {
  switch (extra.kind) {
    case 'hive':
      return 'rbee itself';
    case 'worker_type':
      return `the type ${extra.type} ${extra.version}`;
    case 'worker':
      return `the worker ${extra.worker}`;
  }
};

/** Summary of a plan: `hive 0.1.0-aa → 0.2.0-bb, 1 type to install, 2 workers to start`. */
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

type InstallWorker = Extract<SyncStep, { kind: 'install_worker' }>;

const typeText = ({ type, version, variant }: InstallWorker): string =>
  variant === null ? `${type} ${version}` : `${type} ${version} (${variant})`;

const whyInstalled = ({ from, version, variant, again }: InstallWorker): string => {
  if (from === null) return 'missing';
  if (again) return 'forced';
  return from === version ? `no build for ${variant ?? 'this machine'} yet` : `replaces ${from}`;
};

const whyReplaced = ({ from, to }: { from: string | null; to: string }): string =>
  from === to ? 'forced' : `replaces ${from}`;

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
  start_hive: 'is running',
  install_worker: 'is installed',
  download_model: 'is downloaded',
  start_worker: 'is ready',
  replace_worker: 'is replaced',
  delete_worker: 'is deleted',
  uninstall_worker: 'is uninstalled',
  uninstall_hive: 'is uninstalled',
};

const startReasons = { missing: 'missing', stopped: 'stopped', failed: 'failed' } as const;
const replaceReasons = {
  declaration: 'declaration changed',
  version: 'its type has another version',
  taken: 'its id is taken by another worker',
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
