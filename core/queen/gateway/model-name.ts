/** Which model a request is for: found without reading more of the request than needed. */
import { FormScan } from './form-scan.ts';
import { JsonScan } from './json-scan.ts';
import { invalidBody, type ModelScan } from './model-scan.ts';
import type { StoredBody } from './stored-body.ts';

/** JSON up to this size is parsed whole: that is quick, and tells bad JSON before an engine sees it. */
const parseBelow = 64 * 1024;

export interface NamedRequest {
  contentType: string | undefined;
  /** Everything after the `?`, without it. */
  query: string;
  body: Buffer | StoredBody | null;
}

/** The `model` of a JSON body, a multipart body or the query, in this order. Throws INVALID_INPUT for broken bodies. */
export const modelName = ({ contentType, query, body }: NamedRequest): string | undefined => {
  if (body && body.length > 0) {
    const boundary = boundaryOf(contentType);
    const named = Buffer.isBuffer(body)
      ? boundary === undefined
        ? modelOfJson(body)
        : scanned(new FormScan(boundary), body)
      : body.model();
    if (named !== undefined) return named;
  }
  return new URLSearchParams(query).get('model') ?? undefined;
};

const modelOfJson = (body: Buffer): string | undefined => {
  if (body.length > parseBelow) return scanned(new JsonScan(), body);
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw invalidBody(`it is not JSON: ${(cause as Error).message}`, cause);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalidBody('it is not a JSON object');
  }
  const model = 'model' in parsed ? parsed.model : undefined;
  if (model !== undefined && typeof model !== 'string') throw invalidBody('model must be a string');
  return model;
};

const scanned = (scan: ModelScan, body: Buffer): string | undefined => {
  scan.push(body);
  return scan.end();
};

/** What looks for the model while a body arrives. */
export const modelScan = (contentType: string | undefined): ModelScan => {
  const boundary = boundaryOf(contentType);
  return boundary === undefined ? new JsonScan() : new FormScan(boundary);
};

const boundaryOf = (contentType = ''): string | undefined => {
  const match = /^multipart\/form-data;.*?boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  return match?.[1] ?? match?.[2];
};
