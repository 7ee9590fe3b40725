/** Receives a request in any form: a validated body, files, or the unchanged stream. */
import { Transform } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { ApiError } from './errors.ts';
import { fieldsToObject } from './fields.ts';
import type { Route, WorkerRequest } from './options.ts';
import { bodyTooLarge, fieldTooLarge } from './too-large.ts';
import { createUploads } from './uploads.ts';

const mebibyte = 1024 * 1024;
/** Also the queen's default limit. Files are kept on disk, not in memory. */
const defaultFileBytes = 1024 * mebibyte;
const defaultFileCount = 16;
const fieldBytes = mebibyte;
const fieldCount = 200;

export interface Received {
  request: WorkerRequest;
  /** Removes its files from disk. */
  remove(): Promise<void>;
}

/** Reads a request to its end. Throws an error for the client if the route does not accept it. */
export const receive = async <Loaded>(
  route: Route<Loaded>,
  request: FastifyRequest,
  signal: AbortSignal,
): Promise<Received> => {
  const common = {
    method: request.method,
    url: request.url,
    rest: (request.params as { '*'?: string } | undefined)?.['*'] ?? '',
    headers: request.headers,
    files: [],
  };
  const nothing = async () => {};
  if (route.method === 'GET') {
    const query = Object.entries((request.query ?? {}) as Record<string, unknown>);
    const body = fieldsToObject(query.flatMap(repeated), route.schema ?? {});
    check(route, request, body);
    return { request: { ...common, body }, remove: nothing };
  }
  if (route.body === 'raw') {
    const stream = request.body as NodeJS.ReadableStream | undefined;
    const raw = stream?.pipe(bounded(route.files?.bytes ?? defaultFileBytes));
    return { request: { ...common, body: undefined, ...(raw ? { raw } : {}) }, remove: nothing };
  }
  if (route.body !== 'multipart') return { request: { ...common, body: request.body }, remove: nothing };
  return receiveForm(route, request, signal, common);
};

/** A repeated field of a query is an array. */
const repeated = ([name, value]: [string, unknown]): [string, unknown][] =>
  Array.isArray(value) ? value.map((one) => [name, one]) : [[name, value]];

const receiveForm = async <Loaded>(
  route: Route<Loaded>,
  request: FastifyRequest,
  signal: AbortSignal,
  common: Omit<WorkerRequest, 'body'>,
): Promise<Received> => {
  if (!request.isMultipart()) {
    throw new ApiError(415, 'invalid_request_error', 'the request is not a form: it must be multipart/form-data', {
      code: 'unsupported_media_type',
      hint: 'send it as a form, with a file as one of its fields',
    });
  }
  const maxBytes = route.files?.bytes ?? defaultFileBytes;
  const maxFiles = route.files?.count ?? defaultFileCount;
  const uploads = createUploads(maxBytes, signal);
  const fields: [string, unknown][] = [];
  try {
    const limits = { fileSize: maxBytes, files: maxFiles, fields: fieldCount, fieldSize: fieldBytes };
    for await (const part of request.parts({ limits })) {
      signal.throwIfAborted();
      if (part.type === 'file') await uploads.receive(part);
      else if (part.valueTruncated) throw fieldTooLarge(part.fieldname, fieldBytes);
      else fields.push([part.fieldname, part.value]);
    }
    const body = fieldsToObject(fields, route.schema ?? {});
    check(route, request, body);
    return { request: { ...common, body, files: uploads.files }, remove: uploads.remove };
  } catch (thrown) {
    await uploads.remove();
    throw brokenForm(thrown, maxFiles);
  }
};

/** Translates the multipart library's errors into ours. */
const brokenForm = (thrown: unknown, maxFiles: number): unknown => {
  const { code, message } = thrown as { code?: string; message?: string };
  const wrong = (status: number, text: string) =>
    new ApiError(status, 'invalid_request_error', text, {
      cause: thrown,
      code: 'invalid_form',
      hint: 'check the limits of the form, and send it again',
    });
  if (code === 'FST_FILES_LIMIT') return wrong(413, `more than ${maxFiles} files in one request`);
  if (code === 'FST_FIELDS_LIMIT' || code === 'FST_PARTS_LIMIT') return wrong(413, 'the form has too many fields');
  const broken = /^Unexpected end of multipart data|^Multipart: Boundary not found|^Part terminated early|^Malformed/i;
  if (code === 'FST_MP_PREMATURE_CLOSE' || broken.test(message ?? '')) {
    return wrong(400, 'the multipart form is incomplete: its end or its boundary is missing');
  }
  return thrown;
};

/** Throws the same error as fastify for a JSON body that its schema refuses. */
const check = <Loaded>({ schema }: Route<Loaded>, request: FastifyRequest, body: unknown) => {
  if (schema === undefined) return;
  const validate = request.compileValidationSchema(schema);
  if (validate(body) === false) {
    throw Object.assign(new Error('the request is not valid'), { validation: validate.errors, statusCode: 400 });
  }
};

const bounded = (maxBytes: number) => {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > maxBytes) done(bodyTooLarge(maxBytes));
      else done(null, chunk);
    },
  });
};
