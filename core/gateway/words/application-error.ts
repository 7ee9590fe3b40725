/** The one shape of errors for applications: OpenAI's fields, and the hint of the catalogue. */
import { applicationCode } from '../../contract/api/application-code.ts';
import type { ErrorCode, RbeeError } from '../../contract/errors.ts';

/** The `error` of an answer, and of an event in the middle of a stream. */
export interface ApplicationError {
  message: string;
  type: string;
  code: string;
  /** The field of the request that is wrong, such as `messages[0].content`. */
  param: string | null;
  /** One sentence: what to try. */
  hint: string;
  /** Output of the engine, oldest line first. */
  lines?: readonly string[];
}

export const applicationError = (error: RbeeError): ApplicationError => {
  const { message, hint, lines } = error.toJSON();
  return {
    message,
    type: errorType(error.status),
    code: applicationCode(error.code),
    param: error.param ?? (aboutModel.has(error.code) ? 'model' : null),
    hint,
    ...(lines && { lines }),
  };
};

const aboutModel: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MODEL_NOT_FOUND',
  'NO_READY_WORKER',
  'PATH_NOT_SERVED',
]);

/** OpenAI's type of error for an HTTP status. */
export const errorType = (status: number): string => {
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
};
