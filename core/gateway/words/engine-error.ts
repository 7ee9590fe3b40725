/** Parses the error bodies of engines. */
import { withoutSecrets } from '../../contract/secrets.ts';

export interface EngineError {
  status: number;
  message: string;
  /** Empty if it has none: `exceed_context_size_error`, `BadRequestError`. */
  type: string;
  /** Empty if it has none, or only the number of its status. */
  code: string;
  param: string | null;
  hint?: string;
}

/** Longer messages are cut. */
const maxMessage = 2_000;
/** Of a body that is not JSON. */
const maxExcerpt = 300;

/** Parses the body of an error answer. */
export const engineError = (status: number, text: string): EngineError => {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { status, message: excerptOf(text) || statusText(status), type: '', code: '', param: null };
  }
  return errorIn(body, status);
};

/** The error in parsed JSON. A status in it overrides the given one. */
export const errorIn = (body: unknown, status: number): EngineError => {
  const { detail, error = body } = fieldsOf(body);
  if (detail !== undefined) return errorOfFastApi(detail, status);
  const { message, type, code, param, hint } = typeof error === 'string' ? { message: error } : fieldsOf(error);
  const given = typeof message === 'string' ? message : '';
  const fault = faultOfPydantic(given);
  return {
    status: isStatus(code) ? Number(code) : status,
    message: readable(fault?.message ?? given) || statusText(status),
    type: typeof type === 'string' ? type : '',
    code: typeof code === 'string' && !isStatus(code) ? code : '',
    param: typeof param === 'string' && param !== '' ? param : (fault?.param ?? null),
    ...(typeof hint === 'string' && { hint }),
  };
};

/** FastAPI's `detail` is a text, or a list of faults. */
const errorOfFastApi = (detail: unknown, status: number): EngineError => {
  const first = Array.isArray(detail) ? fieldsOf(detail[0]) : {};
  const param = Array.isArray(first['loc']) ? fieldName(first['loc']) : null;
  const text = typeof detail === 'string' ? detail : typeof first['msg'] === 'string' ? first['msg'] : '';
  const message = readable(param === null ? text : `${param}: ${text}`) || statusText(status);
  return { status, message, type: typeof first['type'] === 'string' ? first['type'] : '', code: '', param };
};

/** vLLM sends pydantic's faults as the text of a Python list that includes the whole request. */
const faultOfPydantic = (text: string): { message: string; param: string | null } | undefined => {
  const [, loc = '', message = ''] = /'loc': \(([^)]*)\), 'msg': ["'](.*?)["'](?:, '|\})/s.exec(text) ?? [];
  if (message === '') return undefined;
  const param = fieldName([...loc.matchAll(/'([^']*)'|(\d+)/g)].map(([, name, index]) => name ?? Number(index)));
  return { message: param === null ? message : `${param}: ${message}`, param };
};

/** `['body', 'messages', 0, 'role']` is `messages[0].role`. */
const fieldName = (path: readonly unknown[]): string | null => {
  const parts = path[0] === 'body' ? path.slice(1) : path;
  const name = parts.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return name.replace(/^\./, '').slice(0, 200) || null;
};

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

const isStatus = (code: unknown): boolean => /^[45]\d\d$/.test(String(code));

const excerptOf = (text: string): string => {
  const plain = text.replace(/<(style|script|head)\b.*?<\/\1>|<[^>]*>/gis, ' ').replace(/\s+/g, ' ');
  return readable(plain, maxExcerpt);
};

const readable = (text: string, max = maxMessage): string => {
  const clean = withoutSecrets(text.trim());
  return clean.length > max ? `${clean.slice(0, max)}...` : clean;
};

const statusText = (status: number): string => `it answered with status ${status}`;
