/** 413, by what of a request is too large. */
import { basename } from 'node:path';
import { ApiError } from './errors.ts';

export const fileTooLarge = (field: string, name: string | undefined, mostBytes: number): ApiError =>
  tooLarge(
    name ? `the file ${basename(name)}` : `the file in ${plain(field)}`,
    mostBytes,
    plain(field),
    'file_too_large',
  );

export const fieldTooLarge = (field: string, mostBytes: number): ApiError =>
  tooLarge(`the field ${plain(field)}`, mostBytes, plain(field), 'field_too_large');

export const bodyTooLarge = (mostBytes: number): ApiError => tooLarge('the request', mostBytes, null, 'body_too_large');

const tooLarge = (what: string, mostBytes: number, param: string | null, code: string): ApiError =>
  new ApiError(
    413,
    'invalid_request_error',
    `${what} is larger than ${sizeText(mostBytes)}, the most that is taken here`,
    { param, code, hint: 'send less in one request' },
  );

/** As handlers know it: without `[]`. */
const plain = (field: string): string => field.replace(/\[\]$/, '').slice(0, 100);

const sizeText = (bytes: number): string => {
  const mebibyte = 1024 * 1024;
  return bytes >= mebibyte ? `${Math.round(bytes / mebibyte)} MiB` : `${bytes} bytes`;
};
