/** How one kind of device is detected: a program of the vendor, and a pure parser of its output. */
import type { DeviceFacts } from '../../contract/worker-type/worker-type.ts';

export interface ProgramOutput {
  stdout: string;
  stderr: string;
  code: number | null;
}

export interface DeviceSource {
  kind: string;
  /** Operating systems that have the program; all when absent. */
  platforms?: readonly string[];
  /** Names or paths to try in order. */
  programs: readonly string[];
  args: readonly string[];
  timeoutMs?: number;
  parse(output: ProgramOutput): DeviceFacts[] | Promise<DeviceFacts[]>;
}

/** Runs a program; null when there is no program of that name. */
export type Ask = (program: string, args: readonly string[], timeoutMs?: number) => Promise<ProgramOutput | null>;
