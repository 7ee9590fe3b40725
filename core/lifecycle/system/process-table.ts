/** The processes of a machine, as its operating system lists them. */
import type { ProcessDescription, ProcessIdentity } from './runner.ts';

export interface ProcessTable {
  /** Null when there is no such process, or only a zombie. */
  identity(pid: number): Promise<ProcessIdentity | null>;
  groupMembers(group: number): Promise<number[]>;
  findByEnvironment(name: string, value: string): Promise<ProcessIdentity[]>;
  /**
   * The environment at its start, `NAME=value` each; null when this user may not read it. A process can overwrite its
   * own.
   */
  environment(pid: number): Promise<readonly string[] | null>;
  describe(pid: number): Promise<ProcessDescription | null>;
  /** Milliseconds of processor time used; 0 when the process is gone. Absent where the system does not report it. */
  cpuMs?(pid: number): Promise<number>;
  /** Whether a signal (SIGSTOP) has stopped it. */
  isStopped(pid: number): Promise<boolean>;
  /** Changes with each boot. */
  bootId(): Promise<string>;
}
