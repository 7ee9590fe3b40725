/** Turns an engine's error into an error for applications. */
import { withoutSecrets } from '../../contract/secrets.ts';
import type { ServedKind } from '../../contract/worker-type/worker-type.ts';
import { type ApplicationError, errorType } from './application-error.ts';
import type { EngineError } from './engine-error.ts';
import { meaningOf } from './rules.ts';

export interface Reworded {
  status: number;
  error: ApplicationError;
  /** In seconds; set only where a retry will help. */
  retryAfter?: number;
}

/** The worker that answered, and the kind of the path. */
export interface Answering {
  worker: string;
  kind: ServedKind;
}

export const reworded = (error: EngineError, { worker, kind }: Answering): Reworded => {
  const { status, code, param, hint, retryAfter } = meaningOf(error, kind);
  const message = messageOf(error, code, worker);
  const otherwise =
    status < 500 ? `change ${param ?? 'the request'}, and send it again` : `see: rbee worker logs ${worker}`;
  return {
    status,
    error: { message, type: errorType(status), code, param, hint: withoutSecrets(hint ?? otherwise) },
    ...(retryAfter !== undefined && { retryAfter }),
  };
};

const messageOf = ({ message }: EngineError, code: string, worker: string): string => {
  if (code === 'worker_failed') return `worker ${worker} failed: ${message}`;
  // LangChain reads only the message: with these words of OpenAI's, it throws its error for long prompts.
  if (code === 'context_length_exceeded' && !/maximum context length/i.test(message))
    return `maximum context length exceeded: ${message}`;
  return message;
};

/** Whether a path of this kind answers like OpenAI's API. Paths of kind `other` have formats of their own. */
export const speaksOpenAi = (kind: ServedKind): boolean => kind !== 'other';
