/** Chooses the files of a model for the worker type that will load it. */

import type { Narrate } from '../../../contract/api/narration.ts';
import { RbeeError } from '../../../contract/errors.ts';
import type { ModelFormat, RepositoryFile } from '../../../contract/worker-type/worker-type.ts';
import { quantizationNames } from '../gguf/gguf-metadata.ts';
import type { Manifest } from '../manifest.ts';
import type { RemoteReference } from '../plan-model.ts';
import { chooseFiles, selectFiles } from './choose-files.ts';

/** The worker type that will load a model. */
export interface Loader {
  /** Its name, for errors. */
  type: string;
  formats: readonly ModelFormat[];
  /** Name of the model component. */
  component?: string;
  /** The worker type's own choice; undefined leaves it to the hive. */
  choose?: (files: readonly RepositoryFile[]) => Promise<readonly string[] | undefined>;
}

/** Paths of the chosen files. Errors: MODEL_NOTHING_TO_LOAD, MODEL_FILE_NOT_IN_REPOSITORY, PLUGIN_FAILED. */
export const chooseForLoader = async (
  reference: RemoteReference,
  manifest: Manifest,
  loader: Loader | undefined,
  narrate: Narrate,
): Promise<ReadonlySet<string>> => {
  const model = manifest.reference;
  const all = manifest.files.map(({ path, bytes }) => ({ path, bytes: bytes ?? 0 }));
  const quantizations = await quantizationNames();
  const select = selectOf(reference);
  const files = select === undefined ? all : selectFiles(all, { model, select, quantizations });
  const folder = select === undefined ? '' : `${select.replace(/\/$/, '')}/`;
  const isFolder = select !== undefined && files.every(({ path }) => path.startsWith(folder));
  if (reference.kind === 'https' || (select !== undefined && !isFolder)) return new Set(files.map(({ path }) => path));
  const own = await chooseByType(loader, files, isFolder ? folder : '');
  if (own === undefined) {
    const about = loader && {
      formats: loader.formats,
      type: loader.type,
      ...(loader.component !== undefined && { component: loader.component }),
    };
    const choice = chooseFiles(files, { model, quantizations, ...about });
    if (choice.note !== undefined) narrate({ kind: 'info', text: choice.note });
    return new Set(choice.files.map(({ path }) => path));
  }
  if (own.length > 0) return new Set(own);
  const problem = `${loader?.type} uses none of its ${files.length} files`;
  throw RbeeError.of('MODEL_NOTHING_TO_LOAD', { model, problem, hint: 'choose another model or another worker type' });
};

/** The part of a repository that the reference names. */
export const selectOf = (reference: RemoteReference): string | undefined =>
  reference.kind === 'hf' ? reference.select : undefined;

/** The engine gets the requested folder, so the worker type sees paths relative to it. */
const chooseByType = async (
  loader: Loader | undefined,
  files: readonly RepositoryFile[],
  folder: string,
): Promise<string[] | undefined> => {
  const inside = files.map(({ path, bytes }) => ({ path: path.slice(folder.length), bytes }));
  return (await loader?.choose?.(inside))?.map((path) => folder + path);
};
