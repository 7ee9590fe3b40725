/** Which model a request is for: found without reading more of the request than needed. */
import { RbeeError } from '../../contract/errors.ts';

/** JSON up to this size is parsed whole: that is quick, and tells bad JSON before an engine sees it. */
const parseBelow = 64 * 1024;

export interface NamedRequest {
  contentType: string | undefined;
  /** Everything after the `?`, without it. */
  query: string;
  body: Buffer | null;
}

/** The `model` of a JSON body, a multipart body or the query, in this order. Throws INVALID_INPUT for broken bodies. */
export const modelName = ({ contentType, query, body }: NamedRequest): string | undefined => {
  const type = contentType ?? '';
  if (body && body.length > 0) {
    const boundary = /^multipart\/form-data;.*?boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
    const named = boundary ? modelOfForm(body, (boundary[1] ?? boundary[2])!) : modelOfJson(body);
    if (named !== undefined) return named;
  }
  return new URLSearchParams(query).get('model') ?? undefined;
};

const modelOfJson = (body: Buffer): string | undefined => {
  if (body.length > parseBelow) return scanJson(body);
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw invalid(`it is not JSON: ${(cause as Error).message}`, cause);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw invalid('it is not a JSON object');
  const model = 'model' in parsed ? parsed.model : undefined;
  if (model !== undefined && typeof model !== 'string') throw invalid('model must be a string');
  return model;
};

const [quote, backslash, open, close, openList, closeList, colon, comma] = Buffer.from('"\\{}[]:,');

/** Walks the first level of a JSON object until its `model`; what is below or behind is not looked at. */
const scanJson = (body: Buffer): string | undefined => {
  let at = skipSpace(body, body[0] === 0xef ? 3 : 0);
  if (body[at] !== open) throw invalid('it is not a JSON object');
  at = skipSpace(body, at + 1);
  while (body[at] === quote) {
    const keyEnd = endOfString(body, at);
    const isModel = text(body, at, keyEnd) === 'model';
    at = skipSpace(body, keyEnd);
    if (body[at] !== colon) throw invalid('a colon is missing');
    at = skipSpace(body, at + 1);
    const valueEnd = endOfValue(body, at);
    if (isModel) {
      if (body[at] !== quote) throw invalid('model must be a string');
      return text(body, at, valueEnd);
    }
    at = skipSpace(body, valueEnd);
    if (body[at] !== comma) break;
    at = skipSpace(body, at + 1);
  }
  if (body[at] !== close) throw invalid('it is not JSON, or it ends too early');
  return undefined;
};

const text = (body: Buffer, start: number, end: number): string => {
  try {
    return JSON.parse(body.toString('utf8', start, end)) as string;
  } catch (cause) {
    throw invalid('a string in it is not JSON', cause);
  }
};

const skipSpace = (body: Buffer, from: number): number => {
  let at = from;
  while (body[at] === 0x20 || body[at] === 0x0a || body[at] === 0x0d || body[at] === 0x09) at += 1;
  return at;
};

/** From an opening quote to behind the closing one: the next quote before which stands an even number of backslashes. */
const endOfString = (body: Buffer, start: number): number => {
  for (let at = body.indexOf('"', start + 1); at !== -1; at = body.indexOf('"', at + 1)) {
    let escapes = 0;
    while (body[at - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return at + 1;
  }
  throw invalid('a string in it does not end');
};

const endOfValue = (body: Buffer, start: number): number => {
  let depth = 0;
  for (let at = start; at < body.length; ) {
    const byte = body[at];
    if (byte === quote) {
      at = endOfString(body, at);
      if (depth === 0) return at;
      continue;
    }
    if (byte === open || byte === openList) depth += 1;
    else if (byte === close || byte === closeList) {
      // The closing brace of the object around a number or a literal.
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (byte === comma && depth === 0) return at;
    at += 1;
  }
  throw invalid('it ends too early');
};

const headEnd = Buffer.from('\r\n\r\n');

/** The text of the form field `model`; contents of files are skipped over, not looked at. */
const modelOfForm = (body: Buffer, boundary: string): string | undefined => {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // The first delimiter has no line break before it.
  let at = body.indexOf(delimiter.subarray(2));
  if (at === -1) throw invalid('the boundary that its content type names is not in it');
  at += delimiter.length - 2;
  while (body.toString('latin1', at, at + 2) === '\r\n') {
    const head = body.indexOf(headEnd, at);
    if (head === -1) break;
    const start = head + headEnd.length;
    // An empty field ends at once: its delimiter begins with the line break that ended the head.
    const end = body.indexOf(delimiter, start - 2);
    if (end === -1) break;
    const isModel = /^content-disposition:.*[;\s]name=(?:"model"|model(?=[;\s]|$))/im.test(
      body.toString('latin1', at, head),
    );
    if (isModel) return body.toString('utf8', start, Math.max(start, end));
    at = end + delimiter.length;
  }
  if (body.toString('latin1', at, at + 2) !== '--') throw invalid('it is not a whole multipart form');
  return undefined;
};

const invalid = (problem: string, cause?: unknown): RbeeError =>
  RbeeError.of(
    'INVALID_INPUT',
    { what: 'the request body', problem, hint: 'send a JSON object or a multipart form' },
    { cause },
  );
