/** Everything about a worker that is decided before its first start and kept for every later one. */
import type {
  Abilities,
  ForecastQuestion,
  ResolvedBinary,
  ServedPath,
  StopContract,
  UnservedPath,
} from '../../contract/worker-type.ts';
import type { TypeDescription } from '../../worker-types/description.ts';

export interface LaunchDraft {
  type: string;
  plugin: string;
  pluginRoot: string;
  pluginVersion: string;
  /** Of its folder, where that may be edited: what was decided holds only for this state of the code. */
  pluginLooks?: string;
  variant: string;
  /** As users write it. */
  device: string;
  /** Model reference; null for a type that runs without one. */
  reference: string | null;
  names: string[];
  models: Record<string, string>;
  options: Record<string, unknown>;
  /** What the user gave for the engine's environment. Absent in records of older builds. */
  environment?: Readonly<Record<string, string>>;
  binary: ResolvedBinary;
  /** Absolute path of the script that stands in front of the program, where the program needs one. */
  adapter?: string;
  deviceFlags: { args: readonly string[]; env: Readonly<Record<string, string>> };
  /** Bearer that requests to the worker carry. */
  apiKey: string;
  /** The paths of its type that this worker serves. */
  serves: readonly ServedPath[];
  /** The other paths of its type. Absent in records of an earlier version. */
  unserved?: readonly UnservedPath[];
  abilities?: Abilities;
  /** Requests that it computes at the same time, where its type says. */
  slots?: number;
  /** How to ask the engine for the memory that it will take, where it can tell. */
  forecast?: ForecastQuestion;
  health: TypeDescription['health'];
  stop: StopContract;
  load: TypeDescription['load'] | null;
  /** What the type's probes answered when the program was chosen. */
  probes?: Readonly<Record<string, unknown>>;
  /** Bytes that the worker is expected to need; null when the type does not estimate. */
  estimate: { ram: number; vram: number } | null;
}
