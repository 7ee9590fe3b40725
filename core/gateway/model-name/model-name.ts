/** Finds the model that a request names, without reading more of the request than needed. */
import { FormScan } from './form-scan.ts';
import { JsonScan, mayNameTwice } from './json-scan.ts';
import { givenTwice, invalidBody, type ModelScan, type Thoroughness } from './model-scan.ts';

/** JSON up to this size is parsed completely: that is quick and finds malformed JSON before an engine sees it. */
const maxParsedBytes = 64 * 1024;

/** A body that was scanned for the model while it arrived. */
export interface ScannedBody {
  /** In bytes. */
  readonly length: number;
  /** The model that it names. Throws INVALID_INPUT if it is malformed. */
  model(): Promise<string | undefined>;
}

export interface NamedRequest {
  contentType: string | undefined;
  /** Everything after the `?`, without it. */
  query: string;
  body: Buffer | ScannedBody | null;
}

/**
 * The `model` of a JSON body, a multipart body or the query. Throws INVALID_INPUT for malformed bodies, and for more than one
 * model, as it is not known which of them an engine would use.
 */
export const modelName = async ({ contentType, query, body }: NamedRequest): Promise<string | undefined> => {
  const inQuery = query === '' ? undefined : modelOfQuery(query);
  const inBody = body && body.length > 0 ? await modelOfBody(contentType, body) : undefined;
  if (inBody !== undefined && inQuery !== undefined && inBody !== inQuery) throw givenTwice();
  return inBody ?? inQuery;
};

const modelOfQuery = (query: string): string | undefined => {
  const models = new URLSearchParams(query).getAll('model');
  if (models.length > 1) throw givenTwice();
  return models[0];
};

const modelOfBody = (contentType: string | undefined, body: Buffer | ScannedBody) => {
  if (!Buffer.isBuffer(body)) return body.model();
  if (!canName(contentType)) return undefined;
  const boundary = boundaryOf(contentType);
  return boundary === undefined ? modelOfJson(body) : scanned(new FormScan(boundary), body);
};

const modelOfJson = (body: Buffer): string | undefined => {
  if (body.length > maxParsedBytes) {
    const scan = new JsonScan();
    const model = scanned(scan, body);
    return scan.isUnsure ? scanned(new JsonScan('thorough'), body) : model;
  }
  const text = body.toString('utf8');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw invalidBody(`it is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalidBody('it is not a JSON object');
  }
  const model = 'model' in parsed ? parsed.model : undefined;
  if (model !== undefined && typeof model !== 'string') throw invalidBody('model must be a string', { param: 'model' });
  // JSON.parse keeps the last of two keys and does not report that there were two.
  if (mayNameTwice(text)) return scanned(new JsonScan('thorough'), body);
  return model;
};

const scanned = (scan: ModelScan, body: Buffer): string | undefined => {
  scan.push(body);
  return scan.end();
};

/** Looks for the model while a body arrives. */
export const modelScan = (contentType: string | undefined, thoroughness?: Thoroughness): ModelScan => {
  if (!canName(contentType)) return noScan;
  const boundary = boundaryOf(contentType);
  return boundary === undefined ? new JsonScan(thoroughness) : new FormScan(boundary);
};

/** Other types of body hold no model's name that could be found. */
const canName = (contentType: string | undefined): boolean =>
  contentType === undefined || /^\s*(application\/([\w.-]+\+)?json|multipart\/form-data)\s*(;|$)/i.test(contentType);

const noScan: ModelScan = { push: () => {}, end: () => undefined, isUnsure: false, span: undefined };

const boundaryOf = (contentType = ''): string | undefined => {
  if (!/^multipart\/form-data\s*;/i.test(contentType)) return undefined;
  const [first, second] = contentType.matchAll(/;\s*boundary=(?:"([^"]+)"|([^;\s]+))/gi);
  if (second) throw invalidBody('its content type names two boundaries');
  return first?.[1] ?? first?.[2];
};
