/**
 * Error codes as applications see them: OpenAI's where it has one, otherwise the code of the catalogue in lower case. The
 * command line and the operations keep the codes of the catalogue.
 */
import { type ErrorBody, type ErrorCode, isErrorBody } from '../errors.ts';

const openAiCodes: Readonly<Record<string, string>> = {
  KEY_INVALID: 'invalid_api_key',
  KEY_REQUIRED: 'invalid_api_key',
  RATE_LIMITED: 'rate_limit_exceeded',
  TOO_MANY_REQUESTS: 'rate_limit_exceeded',
};

export const applicationCode = (code: ErrorCode): string => openAiCodes[code] ?? code.toLowerCase();

/** Restores the catalogue's wire form from either form. Undefined for other errors, such as those with an engine's code. */
export const catalogueError = (error: unknown): ErrorBody | undefined => {
  if (isErrorBody(error)) return error;
  if (typeof error !== 'object' || error === null || !('code' in error) || typeof error.code !== 'string')
    return undefined;
  const body = { ...error, code: catalogueCode(error.code) };
  return isErrorBody(body) ? body : undefined;
};

const catalogueCode = (code: string): string =>
  Object.entries(openAiCodes).find(([, theirs]) => theirs === code)?.[0] ?? code.toUpperCase();
