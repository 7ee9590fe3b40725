/** Everything decided before a worker's first start and kept for later ones. */
import type {
  Abilities,
  ForecastQuestion,
  ResolvedBinary,
  ServedPath,
  StopContract,
  UnservedPath,
} from '../../contract/worker-type/worker-type.ts';
import type { TypeDescription } from '../../worker-types/description.ts';

export interface LaunchDraft {
  type: string;
  plugin: string;
  pluginRoot: string;
  pluginVersion: string;
  /** Fingerprint of an editable plugin folder: the decisions hold only for this state of its code. */
  pluginLooks?: string;
  variant: string;
  /** As users write it. */
  device: string;
  /** Model reference; null for a type that runs without one. */
  reference: string | null;
  names: string[];
  models: Record<string, string>;
  options: Record<string, unknown>;
  /** Environment variables of the engine, set by the user. Absent in records of older builds. */
  environment?: Readonly<Record<string, string>>;
  binary: ResolvedBinary;
  /** Absolute path of the wrapper script around the program, if it needs one. */
  adapter?: string;
  deviceFlags: { args: readonly string[]; env: Readonly<Record<string, string>> };
  /** Bearer token of requests to the worker. */
  apiKey: string;
  /** The paths of its type that this worker serves. */
  serves: readonly ServedPath[];
  /** The other paths of its type. Absent in records of older builds. */
  unserved?: readonly UnservedPath[];
  abilities?: Abilities;
  /** Requests that it can process at the same time, if its type says so. */
  slots?: number;
  /** How to ask the engine for the memory that it will use, if it can tell. */
  forecast?: ForecastQuestion;
  health: TypeDescription['health'];
  stop: StopContract;
  load: TypeDescription['load'] | null;
  /** What the type's probes answered when the program was chosen. */
  probes?: Readonly<Record<string, unknown>>;
  /** Expected memory in bytes; null when the type does not estimate it. */
  estimate: { ram: number; vram: number } | null;
}
