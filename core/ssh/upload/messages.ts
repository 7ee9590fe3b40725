/** What passes between the queen and the thread that uploads. */
import type { ErrorBody } from '../../contract/errors.ts';
import type { RouteSettings } from '../pool.ts';

export interface UploadJob extends RouteSettings {
  /** File of this machine. */
  file: string;
  size: number;
  /** Where it is to lie there; it appears whole or not at all. */
  path: string;
}

export type ToThread = { kind: 'upload'; id: number; job: UploadJob } | { kind: 'abort'; id: number };

export type FromThread =
  /** `sent` counts what was there already. */
  | { kind: 'progress'; id: number; sent: number }
  | { kind: 'done'; id: number }
  | { kind: 'failed'; id: number; error: ErrorBody };
