/** The processes of a machine, as its system lists them. */
import type { ProcessDescription, ProcessIdentity } from './runner.ts';

export interface ProcessTable {
  /** Null when there is no such process, or only a zombie of it. */
  identity(pid: number): Promise<ProcessIdentity | null>;
  groupMembers(group: number): Promise<number[]>;
  findByEnvironment(name: string, value: string): Promise<ProcessIdentity[]>;
  /** As at its start, `NAME=value` each; null when this user may not look. A process may have overwritten its own. */
  environment(pid: number): Promise<readonly string[] | null>;
  describe(pid: number): Promise<ProcessDescription | null>;
  /** Milliseconds of processor time that a process has used; 0 when it is gone. Absent where the system does not tell. */
  cpuMs?(pid: number): Promise<number>;
  /** Has a signal (SIGSTOP) stopped it? */
  isStopped(pid: number): Promise<boolean>;
  /** Another one after each boot. */
  bootId(): Promise<string>;
}
