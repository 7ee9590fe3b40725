/** The error of an engine in the words of the gateway. */
import { withoutSecrets } from '../../contract/secrets.ts';
import type { ServedKind } from '../../contract/worker-type.ts';
import { type ApplicationError, errorType } from './application-error.ts';
import type { EngineError } from './engine-error.ts';
import { meaningOf } from './rules.ts';

export interface Reworded {
  status: number;
  error: ApplicationError;
  /** In seconds; only where trying again will help. */
  retryAfter?: number;
}

/** Who answered, and to what kind of request. */
export interface Answering {
  worker: string;
  kind: ServedKind;
}

export const reworded = (error: EngineError, { worker, kind }: Answering): Reworded => {
  const { status, code, param, hint, retryAfter } = meaningOf(error, kind);
  const message = code === 'worker_failed' ? `worker ${worker} failed: ${error.message}` : error.message;
  const otherwise =
    status < 500 ? `change ${param ?? 'the request'}, and send it again` : `see: rbee worker logs ${worker}`;
  return {
    status,
    error: { message, type: errorType(status), code, param, hint: withoutSecrets(hint ?? otherwise) },
    ...(retryAfter !== undefined && { retryAfter }),
  };
};

/** Paths of these kinds answer in the form of OpenAI's API; those of kind `other` have forms of their own. */
export const speaksOpenAi = (kind: ServedKind): boolean => kind !== 'other';
