/**
 * The error catalogue: every error that a user can act on, with a stable code, what happened, and what to try. The
 * entries are in `errors/`, by area.
 *
 * The code of a removed error is never reused. `docs/errors.md` is generated from this table; a test checks that they
 * agree.
 */
import { accessErrors } from './errors/access.ts';
import { daemonErrors } from './errors/daemons.ts';
import { fileErrors } from './errors/files.ts';
import { inputErrors } from './errors/input.ts';
import { jobErrors } from './errors/jobs.ts';
import { modelErrors } from './errors/models.ts';
import { packageErrors } from './errors/packages.ts';
import { pluginErrors } from './errors/plugins.ts';
import { sshErrors } from './errors/ssh.ts';
import { syncErrors } from './errors/sync.ts';
import { workerErrors } from './errors/workers.ts';
import { withoutSecrets } from './secrets.ts';

export const errorCatalogue = {
  ...inputErrors,
  ...accessErrors,
  ...fileErrors,
  ...daemonErrors,
  ...sshErrors,
  ...syncErrors,
  ...pluginErrors,
  ...packageErrors,
  ...modelErrors,
  ...workerErrors,
  ...jobErrors,
};

export type ErrorCode = keyof typeof errorCatalogue;

/** Codes of earlier builds and their current names. Hives that have not been updated still send the old ones. */
const formerCodes: Readonly<Record<string, ErrorCode>> = {
  DELIVERY_UNFIT: 'DELIVERY_INCOMPATIBLE',
  VARIANT_UNFIT: 'VARIANT_INCOMPATIBLE',
  WORKER_BROKE_OFF: 'WORKER_CONNECTION_LOST',
  MODEL_DOWNLOAD_BROKE: 'MODEL_DOWNLOAD_FAILED',
  WORKER_REST_FAILED: 'WORKER_SLEEP_FAILED',
  DECLARATION_IMPOSSIBLE: 'DECLARATION_UNSATISFIABLE',
  HIVE_FAULTY: 'HIVE_PROTOCOL_ERROR',
  HIVE_DECLARED: 'HIVE_ALREADY_DECLARED',
  HIVE_LOCAL: 'HIVE_IS_LOCAL',
  MACHINES_UNAVAILABLE: 'REMOTE_HIVES_DISABLED',
  QUEEN_ENDED: 'QUEEN_STOPPED',
  SYNC_PARTLY: 'SYNC_INCOMPLETE',
  SYNC_VERSIONS_CLASH: 'SYNC_VERSION_CONFLICT',
  PLUGIN_CLASH: 'PLUGIN_CONFLICT',
  DEVICE_KIND_CLASH: 'DEVICE_KIND_CONFLICT',
  NAME_CLASH: 'NAME_CONFLICT',
  PROGRAM_MISNAMED: 'PROGRAM_PATH_INVALID',
  PACKAGE_NOT_FOR: 'PACKAGE_INCOMPATIBLE',
  BUNDLE_DAMAGED: 'BUNDLE_CORRUPT',
  MODEL_MANIFEST_DAMAGED: 'MODEL_MANIFEST_CORRUPT',
  MODEL_NOT_HERE: 'MODEL_NOT_DOWNLOADED',
  MODEL_CHECKSUM: 'MODEL_CHECKSUM_MISMATCH',
  MODEL_CONTENT: 'MODEL_CONTENT_INVALID',
  MODEL_FORMAT: 'MODEL_FORMAT_UNSUPPORTED',
  MODEL_HUB_SILENT: 'MODEL_HUB_TIMEOUT',
  MODEL_NO_DEMO: 'MODEL_DEMO_UNAVAILABLE',
  MODEL_ADDRESS_REFUSED: 'MODEL_URL_REFUSED',
  LIMIT_NOT_KEPT: 'LIMIT_UNENFORCEABLE',
  WORKER_PLUGIN_GONE: 'WORKER_PLUGIN_MISSING',
  JOBS_FULL: 'JOB_MEMORY_EXHAUSTED',
};

const isKnownCode = (code: string): boolean => Object.hasOwn(errorCatalogue, code) || Object.hasOwn(formerCodes, code);
const currentCode = (code: ErrorCode): ErrorCode =>
  Object.hasOwn(formerCodes, code) ? (formerCodes[code] as ErrorCode) : code;

type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;
type DetailNames<Code extends ErrorCode> =
  | Placeholders<(typeof errorCatalogue)[Code]['message']>
  | Placeholders<(typeof errorCatalogue)[Code]['hint']>;

/** The details for an error of this code: one string or number for each `{name}` in its message and hint. */
export type ErrorDetails<Code extends ErrorCode = ErrorCode> = { [Name in DetailNames<Code>]: string | number };

/**
 * The wire form of an error: in the CLI's JSON output, in answers of queen and hive, and in the last event of a job.
 */
export interface ErrorBody {
  readonly code: ErrorCode;
  /** One sentence: what happened, and to what. */
  readonly message: string;
  /** One sentence: what to try. */
  readonly hint: string;
  /** Output of the engine, or other context worth showing, oldest line first. */
  readonly lines?: readonly string[];
}

export interface RbeeErrorOptions {
  cause?: unknown;
  lines?: readonly string[];
  /** Seconds after which a retry may succeed, for the header `Retry-After`. */
  retryAfter?: number;
  /** The field of the request that is wrong. Shown to applications only. */
  param?: string;
}

/** Errors are shown, logged and stored, so secrets in addresses are removed. */
const fill = (text: string, details: Record<string, string | number>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(details, name) ? withoutSecrets(String(details[name]).replace(/[\r\n]+$/, '')) : whole,
  );

/** An error from the catalogue. Every error shown to a person is one of these. */
export class RbeeError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly lines: readonly string[];
  /** Seconds after which a retry may succeed; undefined if a retry is not known to help. Not part of the wire form. */
  readonly retryAfter: number | undefined;
  readonly param: string | undefined;

  private constructor(body: ErrorBody, { cause, retryAfter, param }: Omit<RbeeErrorOptions, 'lines'> = {}) {
    super(body.message, cause === undefined ? undefined : { cause });
    this.name = 'RbeeError';
    this.param = param;
    this.code = currentCode(body.code);
    this.hint = body.hint;
    this.lines = body.lines ?? [];
    this.retryAfter = retryAfter;
  }

  /** Creates an error from the catalogue. */
  static of<Code extends ErrorCode>(
    code: Code,
    details: ErrorDetails<Code>,
    options: RbeeErrorOptions = {},
  ): RbeeError {
    const entry = errorCatalogue[code];
    const body = { code, message: fill(entry.message, details), hint: fill(entry.hint, details), lines: options.lines };
    return new RbeeError(body, options);
  }

  /** Restores an error from its wire form. */
  static from(body: ErrorBody, { cause }: { cause?: unknown } = {}): RbeeError {
    return new RbeeError(body, { cause });
  }

  /** HTTP status of this error; 500 for a code that only a newer version defines. */
  get status(): number {
    return Object.hasOwn(errorCatalogue, this.code) ? errorCatalogue[this.code].status : 500;
  }

  toJSON(): ErrorBody {
    const body = { code: this.code, message: this.message, hint: this.hint };
    return this.lines.length > 0 ? { ...body, lines: this.lines } : body;
  }
}

/** Whether this is the wire form of an error from the catalogue. */
export const isErrorBody = (value: unknown): value is ErrorBody =>
  typeof value === 'object' &&
  value !== null &&
  'code' in value &&
  typeof value.code === 'string' &&
  isKnownCode(value.code) &&
  'message' in value &&
  typeof value.message === 'string';

/** Turns anything thrown into an error from the catalogue; `part` is where it was caught (queen, hive, rbee). */
export const asRbeeError = (thrown: unknown, part: string, log = 'its log'): RbeeError => {
  if (thrown instanceof RbeeError) return thrown;
  const problem = thrown instanceof Error ? thrown.message : String(thrown);
  return RbeeError.of('INTERNAL', { part, problem, log }, { cause: thrown });
};
