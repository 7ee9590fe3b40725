/** 413 errors for the parts of a request that can be too large. */
import { basename } from 'node:path';
import { ApiError } from './errors.ts';

export const fileTooLarge = (field: string, name: string | undefined, maxBytes: number): ApiError =>
  tooLarge(
    name ? `the file ${basename(name)}` : `the file in ${plain(field)}`,
    maxBytes,
    plain(field),
    'file_too_large',
  );

export const fieldTooLarge = (field: string, maxBytes: number): ApiError =>
  tooLarge(`the field ${plain(field)}`, maxBytes, plain(field), 'field_too_large');

export const bodyTooLarge = (maxBytes: number): ApiError => tooLarge('the request', maxBytes, null, 'body_too_large');

const tooLarge = (what: string, maxBytes: number, param: string | null, code: string): ApiError =>
  new ApiError(413, 'invalid_request_error', `${what} is larger than the limit of ${sizeText(maxBytes)}`, {
    param,
    code,
    hint: 'send less in one request',
  });

/** The name as handlers see it, without `[]`. */
const plain = (field: string): string => field.replace(/\[\]$/, '').slice(0, 100);

const sizeText = (bytes: number): string => {
  const mebibyte = 1024 * 1024;
  return bytes >= mebibyte ? `${Math.round(bytes / mebibyte)} MiB` : `${bytes} bytes`;
};
