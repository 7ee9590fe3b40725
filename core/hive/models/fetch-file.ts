/** Downloads one file of a model and refuses content that cannot be what its name says. */
import { RbeeError } from '../../contract/errors.ts';
import type { ModelFormat } from '../../contract/worker-type/worker-type.ts';
import { ContentMismatch, type Downloaded, type DownloadRequest, download } from '../../download/download.ts';
import { contentProblem, headBytes, modelProblem } from './files/content.ts';
import { type About, hubReason, modelError } from './hub-errors.ts';
import type { ManifestFile } from './manifest.ts';

export interface FetchRequest extends Omit<DownloadRequest, 'expected' | 'inspect' | 'reasonOf'> {
  about: About;
  file: Pick<ManifestFile, 'path' | 'bytes' | 'sha256' | 'git'>;
  /** Set if this file is the whole model. `formats` are those that the worker type loads; undefined if unknown. */
  model?: { formats: readonly ModelFormat[] | undefined };
}

/** Errors: MODEL_*, NO_SPACE, STATE_UNWRITABLE; the signal's reason when aborted. */
export const fetchFile = ({ about, file, model, ...request }: FetchRequest): Promise<Downloaded> => {
  const check = (head: Buffer): void => {
    const problem = model ? modelProblem(file.path, head, model.formats) : contentProblem(file.path, head);
    if (problem === undefined) return;
    throw RbeeError.of('MODEL_CONTENT_INVALID', { file: file.path, model: about.model, problem, page: about.page });
  };
  return download({ ...request, expected: file, inspect: { headBytes, check }, reasonOf: hubReason }).catch((error) => {
    if (!(error instanceof ContentMismatch)) throw modelError(error, about, request.retry, file.path);
    const { kind, actual, expected } = error;
    const described = {
      bytes: { actual: `${actual} bytes`, expected: `${expected} bytes` },
      sha256: { actual: `SHA-256 ${actual}`, expected },
      git: { actual: `git object ${actual}`, expected },
    };
    throw RbeeError.of('MODEL_CHECKSUM_MISMATCH', { file: file.path, model: about.model, ...described[kind] });
  });
};
