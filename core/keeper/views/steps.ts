/** A step of a sync in words. */
import type { Extra, SyncStep } from '../../contract/sync.ts';

export interface StepWords {
  /** `install`. */
  verb: string;
  /** `llamacpp 1.1.0 (cuda)`. */
  what: string;
  /** Why it is to be done. */
  why: string;
}

export const stepWords = (step: SyncStep): StepWords => {
  switch (step.kind) {
    case 'install_hive':
      return { verb: 'install', what: `rbee ${step.to}`, why: step.from === null ? 'not there' : came(step) };
    case 'start_hive':
      return { verb: 'start', what: 'the hive', why: 'it does not run' };
    case 'install_worker':
      return { verb: 'install', what: typeText(step), why: whyInstalled(step) };
    case 'download_model':
      return { verb: 'download', what: step.model, why: 'not there' };
    case 'start_worker':
      return { verb: 'start', what: step.worker, why: startReasons[step.because] };
    case 'replace_worker':
      return { verb: 'replace', what: step.worker, why: replaceReasons[step.because] };
    case 'delete_worker':
      return { verb: 'delete', what: `${step.worker} (${step.type})`, why: 'not declared' };
    case 'uninstall_worker':
      return { verb: 'uninstall', what: `${step.type} ${step.version}`, why: 'not declared' };
    case 'uninstall_hive':
      return { verb: 'uninstall', what: step.purge ? 'rbee, its models, plugins, logs and settings' : 'rbee', why: '' };
  }
};

/** `install llamacpp 1.1.0 (cuda)`. */
export const stepText = (step: SyncStep): string => {
  const { verb, what } = stepWords(step);
  return `${verb} ${what}`;
};

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

type InstallWorker = Extract<SyncStep, { kind: 'install_worker' }>;

const typeText = ({ type, version, variant }: InstallWorker): string =>
  variant === null ? `${type} ${version}` : `${type} ${version} (${variant})`;

const whyInstalled = ({ from, version, variant }: InstallWorker): string => {
  if (from === null) return 'not there';
  return from === version ? `its build for ${variant ?? 'this machine'} is not there` : `${from} is there`;
};

const came = ({ from, to }: { from: string | null; to: string }): string =>
  from === to ? 'again, as asked' : `${from} is there`;

const startReasons = { missing: 'not there', stopped: 'stopped', failed: 'failed' } as const;
const replaceReasons = {
  declaration: 'declared otherwise now',
  version: 'its type has another version',
  taken: 'its id is taken by another worker',
} as const;
