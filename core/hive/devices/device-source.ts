/** Where a kind of device is asked for: a program of the vendor, and a pure reader of what it prints. */
import type { DeviceFacts } from '../../contract/worker-type.ts';

export interface ProgramOutput {
  stdout: string;
  stderr: string;
  code: number | null;
}

export interface DeviceSource {
  kind: string;
  /** Operating systems on which the program exists at all; all when absent. */
  platforms?: readonly string[];
  /** Names or paths to try in turn. */
  programs: readonly string[];
  args: readonly string[];
  timeoutMs?: number;
  parse(output: ProgramOutput): DeviceFacts[] | Promise<DeviceFacts[]>;
}

/** Runs a program; null when there is none of that name. */
export type Ask = (program: string, args: readonly string[], timeoutMs?: number) => Promise<ProgramOutput | null>;
