/** Errors as applications expect them: the error catalogue's fields plus OpenAI's. */
import type { ErrorBody, RbeeError } from '../../contract/errors.ts';

export interface ApplicationError extends ErrorBody {
  type: string;
  param: string | null;
}

export const applicationError = (error: RbeeError): ApplicationError => ({
  ...error.toJSON(),
  type: typeOf(error.status),
  param: error.code === 'MODEL_NOT_FOUND' || error.code === 'NO_READY_WORKER' ? 'model' : null,
});

const typeOf = (status: number): string => {
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
};
