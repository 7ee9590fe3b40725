/** Errors in the format of OpenAI's API, and the error of a worker that cannot start. */

/** Body of an error answer, and of an error event in a stream. */
export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | number | null; hint?: string };
}

interface Details {
  /** Which field of the request is wrong. */
  param?: string | null;
  /** Short machine-readable word, such as `context_length_exceeded`. */
  code?: string | number | null;
  /** One sentence: what to try. */
  hint?: string;
  /** Seconds to wait before a retry; sent as `Retry-After`. */
  retryAfter?: number;
  cause?: unknown;
}

/** An error for the client. Anything else that a handler throws becomes a plain 500. */
export class ApiError extends Error {
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | number | null;
  readonly hint: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(status: number, type: string, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ApiError';
    this.status = status;
    this.type = type;
    this.param = details.param ?? null;
    this.code = details.code ?? null;
    this.hint = details.hint;
    this.retryAfter = details.retryAfter;
  }

  toJSON(): ErrorBody {
    const { message, type, param, code, hint } = this;
    return { error: { message, type, param, code, ...(hint !== undefined && { hint }) } };
  }
}

/** 400: the request is wrong; `param` is the field. Clients distinguish errors by `code`, so there always is one. */
export const invalidRequest = (
  message: string,
  param: string | null = null,
  code: string | null = null,
  hint = `change ${param ?? 'the request'}, and send it again`,
): ApiError => new ApiError(400, 'invalid_request_error', message, { param, code: code ?? 'invalid_value', hint });

/** 503 as llama-server sends it, so that one health contract fits both. */
export const loadingModel = (): ApiError =>
  new ApiError(503, 'unavailable_error', 'Loading model', { code: 503, retryAfter: 1 });

export const stopping = (): ApiError =>
  new ApiError(503, 'unavailable_error', 'this worker is stopping', { code: 'stopping', retryAfter: 1 });

export const queueFull = (waiting: number): ApiError =>
  new ApiError(429, 'rate_limit_error', `all slots are busy, and ${waiting} requests are already waiting`, {
    code: 'queue_full',
    retryAfter: 1,
  });

export const noSuchModel = (asked: string, models: readonly string[]): ApiError =>
  new ApiError(
    404,
    'invalid_request_error',
    `there is no model ${asked} here; this worker serves ${models.join(', ')}`,
    {
      param: 'model',
      code: 'model_not_found',
      hint: 'use one of these names, or omit the model',
    },
  );

export const invalidKey = (): ApiError =>
  new ApiError(401, 'invalid_request_error', 'the API key is missing or wrong', { code: 'invalid_api_key' });

/** Thrown by `load` if the worker cannot start: the message goes to stderr, and the program ends with the exit code. */
export class StartError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
    this.exitCode = exitCode;
  }
}

interface HttpLibraryError {
  statusCode?: number;
  code?: string;
  message: string;
  validation?: readonly Fault[];
}

/** What a JSON Schema finds wrong. */
interface Fault {
  instancePath: string;
  schemaPath: string;
  keyword: string;
  message?: string;
  params?: Record<string, unknown>;
}

/** Converts anything that was thrown during a request into an error for clients. */
export const asApiError = (thrown: unknown): ApiError => {
  if (thrown instanceof ApiError) return thrown;
  const error = thrown as HttpLibraryError;
  if (error?.validation?.[0] !== undefined) {
    const wrong = meantFault(error.validation);
    const missing = wrong.params?.['missingProperty'];
    const param = fieldName(typeof missing === 'string' ? `${wrong.instancePath}/${missing}` : wrong.instancePath);
    if (typeof missing === 'string')
      return invalidRequest(`${param} is required`, param, 'missing_required_parameter', `add ${param} to the request`);
    const allowed = wrong.params?.['allowedValues'];
    const problem = Array.isArray(allowed)
      ? `must be one of ${allowed.filter((one) => one !== null).join(', ')}`
      : (wrong.message ?? 'is not valid');
    return invalidRequest(`${param ?? 'the body'} ${problem}`, param);
  }
  if (typeof error?.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500) {
    const { statusCode, message } = error;
    const { code, hint } = refusals[statusCode] ?? { code: 'invalid_request', hint: 'change the request' };
    return new ApiError(statusCode, 'invalid_request_error', message, { code, hint, cause: thrown });
  }
  return new ApiError(500, 'server_error', thrown instanceof Error ? thrown.message : String(thrown), {
    cause: thrown,
  });
};

/**
 * Picks the fault to report. Within `anyOf`, it is a fault of the alternative with the type of the value; if no alternative has
 * that type, the fault lists all types. Ajv reports the faults of alternatives before their `anyOf`, the outermost last.
 */
const meantFault = (faults: readonly Fault[]): Fault => {
  const choice = faults.findLast(({ keyword }) => keyword === 'anyOf');
  if (choice === undefined) return faults[0] as Fault;
  const within = faults.filter(({ schemaPath }) => schemaPath.startsWith(`${choice.schemaPath}/`));
  const isOfOtherType = ({ keyword, instancePath }: Fault) =>
    keyword === 'type' && instancePath === choice.instancePath;
  const alternativeOf = ({ schemaPath }: Fault) => schemaPath.slice(choice.schemaPath.length + 1).split('/')[0];
  const others = new Set(within.filter(isOfOtherType).map(alternativeOf));
  const meant = within.filter((fault) => !others.has(alternativeOf(fault)));
  if (meant.length > 0) return meantFault(meant);
  const types = within.filter(isOfOtherType).flatMap(({ params }) => params?.['type'] as string | string[]);
  const named = [...new Set(types)].filter((type) => type !== 'null');
  return { ...choice, message: `must be ${named.join(' or ')}` };
};

/** Requests that the HTTP library itself refuses. */
const refusals: Readonly<Record<number, { code: string; hint: string }>> = {
  400: { code: 'invalid_body', hint: 'send one JSON object, and its content-type as application/json' },
  413: { code: 'body_too_large', hint: 'send less in one request' },
  415: { code: 'unsupported_media_type', hint: 'send the body as application/json' },
};

/** A JSON pointer as people write it: `/messages/0/role` is `messages[0].role`. */
const fieldName = (pointer: string): string | null =>
  pointer === ''
    ? null
    : pointer
        .slice(1)
        .replace(/\/(\d+)/g, '[$1]')
        .replaceAll('/', '.');
