/** Failed requests to a model hub, as errors for users. */
import { RbeeError } from '../../contract/errors.ts';
import type { Incoming } from '../../download/http-agent.ts';
import { HttpFailure } from '../../download/http-failure.ts';
import type { RetryPolicy } from '../../download/retry.ts';
import { formatDuration } from '../../narration/quantities.ts';

/** Facts about the model for error messages. */
export interface About {
  model: string;
  hive: string;
  /** Its page, for a browser. */
  page: string;
  /** Whether a token was sent. */
  token: boolean;
  /** Set if it is downloaded from a URL, not from the hub. */
  address?: boolean;
}

/** Shown while a request is retried. */
export const retryText = ({ kind, host, message }: HttpFailure): string => {
  const what = {
    answer: message,
    timeout: 'does not respond',
    unreachable: `cannot be reached (${message})`,
    lost: `closed the connection (${message})`,
  };
  return `${host} ${what[kind]}; retrying`;
};

/** The reason for a refusal, from the hub's own header; undefined if there is none. */
export const hubReason = ({ headers }: Pick<Incoming, 'headers'>): string | undefined => {
  const code = headers['x-error-code'];
  return typeof code === 'string' && Object.hasOwn(reasons, code) ? reasons[code] : undefined;
};

const reasons: Readonly<Record<string, string>> = {
  RepoNotFound: 'there is no such repository',
  RevisionNotFound: 'it has no such revision',
  EntryNotFound: 'it has no such file',
  GatedRepo: 'its terms have not been accepted',
};

/** The MODEL_ error for a failed request. Anything else is returned unchanged. */
export const modelError = (thrown: unknown, about: About, retry: RetryPolicy, file?: string): unknown => {
  if (!(thrown instanceof HttpFailure)) return thrown;
  const { model, hive } = about;
  const { host, message: problem } = thrown;
  const options = { cause: thrown };
  switch (thrown.kind) {
    case 'timeout':
      return RbeeError.of('MODEL_HUB_TIMEOUT', { model, host, limit: formatDuration(retry.idleTimeoutMs) }, options);
    case 'unreachable':
      return RbeeError.of('MODEL_HUB_UNREACHABLE', { model, host, hive, problem }, options);
    case 'lost': {
      const what = file ?? 'the list of files';
      return RbeeError.of('MODEL_DOWNLOAD_FAILED', { file: what, model, times: retry.maxAttempts, problem }, options);
    }
    case 'answer':
      return answerError(thrown, about, options);
  }
};

const answerError = (
  { status, host, message: problem }: HttpFailure,
  { model, hive, page, token, address = false }: About,
  options: { cause: unknown },
): RbeeError => {
  if (address && !token && (status === 401 || status === 403))
    return RbeeError.of('MODEL_URL_REFUSED', { model, hive, problem: `${host} ${problem}` }, options);
  if (status === 401 || (status === 403 && !token))
    return RbeeError.of('MODEL_UNAUTHORIZED', { model, hive, page, problem }, options);
  if (status === 403) return RbeeError.of('MODEL_FORBIDDEN', { model, hive, page, problem }, options);
  if (status === 404 || status === 410)
    return RbeeError.of('MODEL_REPOSITORY_NOT_FOUND', { model, page, problem }, options);
  return RbeeError.of('MODEL_HUB_FAILED', { model, host, problem }, options);
};
