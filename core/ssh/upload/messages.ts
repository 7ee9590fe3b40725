/** Messages between the queen and the upload thread. */
import type { ErrorBody } from '../../contract/errors.ts';
import type { RouteSettings } from '../pool.ts';

export interface UploadJob extends RouteSettings {
  /** File of this machine. */
  file: string;
  size: number;
  /** Its path there; created atomically. */
  path: string;
}

export type ToThread = { kind: 'upload'; id: number; job: UploadJob } | { kind: 'abort'; id: number };

export type FromThread =
  /** `sent` includes what was already there. */
  | { kind: 'progress'; id: number; sent: number }
  | { kind: 'done'; id: number }
  | { kind: 'failed'; id: number; error: ErrorBody };
