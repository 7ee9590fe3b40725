/** Messages from the examining process to its parent. */
import type { ErrorBody } from '../contract/errors.ts';
import type { CheckResult } from './run-checks.ts';

export interface TypeReport {
  /** Name of the worker type. */
  type: string;
  /** No check has failed. */
  passed: boolean;
  /** In the order of the checks. Incomplete if the process ended early. */
  checks: CheckResult[];
}

export interface PackageReport {
  /** npm package and version. */
  package: string;
  version: string;
  /** Absolute folder. */
  root: string;
  passed: boolean;
  types: TypeReport[];
}

export type CheckMessage =
  | { kind: 'package'; package: string; version: string }
  | { kind: 'type'; type: string }
  | { kind: 'result'; result: CheckResult }
  | { kind: 'done' }
  | { kind: 'error'; error: ErrorBody };
