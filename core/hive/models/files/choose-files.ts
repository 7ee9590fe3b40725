/** Chooses files of a repository: one of the sets of weights that it offers, and the files that belong to it. Pure. */
import { RbeeError } from '../../../contract/errors.ts';
import type { ModelFormat, RepositoryFile } from '../../../contract/worker-type/worker-type.ts';
import { didYouMean } from '../../../narration/near.ts';
import type { QuantizationNames } from '../gguf/gguf-metadata.ts';
import { endingOf, groupName, groupParts, isProjector, weightFormat } from './weights.ts';

export interface ChoiceRequest {
  /** Reference, for errors. */
  model: string;
  /** File, folder or quantization requested by name. */
  select?: string;
  /** Formats that the worker type loads; any when absent. */
  formats?: readonly ModelFormat[];
  /** Worker type, for errors. */
  type?: string;
  /** Name of the component, unless it is the main model. */
  component?: string;
  quantizations: QuantizationNames;
}

export interface Choice<File> {
  files: File[];
  /** A choice made on behalf of the user; undefined if there was none. */
  note?: string;
}

/** Files requested by name. Errors: MODEL_FILE_NOT_IN_REPOSITORY. */
export const selectFiles = <File extends RepositoryFile>(
  all: readonly File[],
  { model, select, quantizations }: Pick<ChoiceRequest, 'model' | 'quantizations'> & { select: string },
): File[] => {
  const exact = all.find(({ path }) => path === select);
  if (exact) return all.filter(({ path }) => groupName(path) === groupName(select));
  const folder = `${select.replace(/\/$/, '')}/`;
  const inside = all.filter(({ path }) => path.startsWith(folder));
  if (inside.length > 0) return inside;
  const wanted = select.replace(/\.gguf$/i, '').toUpperCase();
  const labelled = all.filter(
    (file) => isGguf(file) && !isProjector(file.path) && labelOf(file, quantizations) === wanted,
  );
  const [group] = groupParts(labelled);
  if (group) return group;
  const labels = all.filter(isGguf).flatMap((file) => labelOf(file, quantizations) ?? []);
  const known = [...new Set([...labels, ...all.map(({ path }) => path)])];
  throw RbeeError.of('MODEL_FILE_NOT_IN_REPOSITORY', {
    model,
    file: select,
    near: didYouMean(select, known),
    known: briefly(labels.length > 0 ? [...new Set(labels)] : known),
  });
};

/** The default choice, if neither the user nor the worker type makes one. Errors: MODEL_NOTHING_TO_LOAD. */
export const chooseFiles = <File extends RepositoryFile>(
  all: readonly File[],
  request: Omit<ChoiceRequest, 'select'>,
): Choice<File> => {
  const { formats, component } = request;
  const files = all.filter(({ path }) => !/(^|\/)\.[^/]*$/.test(path));
  const loads = (format: ModelFormat) => formats === undefined || formats.includes(format);
  const gguf = files.filter((file) => isGguf(file) && isProjector(file.path) === (component === 'mmproj'));
  const others = withoutAlternatives(
    files.filter((file) => !isGguf(file)),
    loads,
  );
  const has = (format: string) => others.some(({ path }) => weightFormat(path) === format);
  // A repository with the original weights may contain a single GGUF file too.
  const trained = has('safetensors') && others.some(({ path }) => /(^|\/)(config|model_index)\.json$/.test(path));
  const folder =
    formats === undefined ? trained : formats.some((format) => format.endsWith('-dir') && has(format.slice(0, -4)));
  const preferGguf = formats === undefined ? !folder : formats[0] === 'gguf' || !folder;
  if (gguf.length > 0 && loads('gguf') && preferGguf) return oneQuantization(gguf, request.quantizations);
  if (folder) return { files: others };
  return oneFile(others, request);
};

const isGguf = ({ path }: RepositoryFile): boolean => endingOf(path) === 'gguf' && !/imatrix/i.test(path);

/** By its own name, else by its folder's. */
const labelOf = ({ path }: RepositoryFile, quantizations: QuantizationNames): string | undefined => {
  const [file = '', folder = ''] = path.split('/').reverse();
  return quantizations.of(groupName(file).replace(/\.gguf$/i, '')) ?? quantizations.of(folder);
};

/** The most popular quantizations, good for their size; then the nearest to them. */
const liked = ['Q4_K_M', 'UD-Q4_K_XL', 'Q4_K_XL', 'Q4_K_S', 'IQ4_XS', 'IQ4_NL', 'Q4_0', 'Q4_1', 'MXFP4', 'MXFP4_MOE'];
const next = ['Q5_K_M', 'Q5_K_S', 'Q5_0', 'Q6_K', 'Q8_0'];

const oneQuantization = <File extends RepositoryFile>(
  files: readonly File[],
  quantizations: QuantizationNames,
): Choice<File> => {
  const groups = groupParts(files);
  const order = [
    ...liked,
    ...next,
    ...quantizations.order.toReversed().filter((name) => ![...liked, ...next].includes(name)),
  ];
  const rank = (group: readonly File[]): number => {
    const label = labelOf(group[0] as File, quantizations);
    const at = label === undefined ? -1 : order.indexOf(label);
    return at === -1 ? order.length : at;
  };
  const [best = []] = groups.toSorted((a, b) => rank(a) - rank(b) || bytesOf(a) - bytesOf(b));
  const label = labelOf(best[0] as File, quantizations);
  const labels = [...new Set(groups.flatMap((group) => labelOf(group[0] as File, quantizations) ?? []))];
  const others = labels.filter((name) => name !== label);
  if (others.length === 0 || label === undefined) return { files: best };
  return { files: best, note: `using the quantization ${label}; also available: ${briefly(others)}` };
};

/** The same weights in formats of other programs. */
const foreign =
  /(\.(msgpack|h5|ot|tflite|mlmodel|mlpackage|nemo)|(^|\/)(coreml|openvino|tf_model|flax_model)[^/]*(\/.*)?)$/i;
const pickled = /\.(bin|pt|pth|ckpt)$/i;

const withoutAlternatives = <File extends RepositoryFile>(
  files: readonly File[],
  loads: (format: ModelFormat) => boolean,
): File[] => {
  const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/') + 1);
  const safe = new Set(files.filter(({ path }) => endingOf(path) === 'safetensors').map(({ path }) => folderOf(path)));
  const onnxOnly = loads('onnx-dir') && !loads('safetensors-dir') && !loads('safetensors');
  const paths = new Set(files.map(({ path }) => path));
  return files.filter(({ path }) => {
    if (foreign.test(path) || path.includes('.mlpackage/')) return false;
    const isOnnx = /(^|\/)onnx\/|\.onnx(_data.*|\.data)?$/i.test(path);
    if (onnxOnly) return weightFormat(path) === undefined || isOnnx;
    if (safe.size === 0) return true;
    if (isOnnx && !loads('onnx-dir')) return false;
    if (isOnnx && loads('safetensors-dir')) return false;
    if (path.startsWith('original/')) return false;
    // An fp16 copy for other hardware, next to the full one.
    if (paths.has(path.replace(/\.(fp16|bf16|non_ema)(?=[.-])/, '')) && /\.(fp16|bf16|non_ema)[.-]/.test(path))
      return false;
    return !(pickled.test(path) && safe.has(folderOf(path)));
  });
};

/** The plainest single file of weights in one of the formats. */
const oneFile = <File extends RepositoryFile>(
  files: readonly File[],
  request: Omit<ChoiceRequest, 'select'>,
): Choice<File> => {
  const { formats, model, type } = request;
  const weights = files.filter(({ path }) => weightFormat(path) !== undefined);
  const fitting = weights.filter(({ path }) => formats === undefined || formats.includes(weightFormat(path) ?? ''));
  if (formats === undefined && weights.length !== 1 && files.length > 0) return { files: [...files] };
  const groups = groupParts(fitting).toSorted((a, b) => depth(a) - depth(b) || bytesOf(b) - bytesOf(a));
  const [first] = groups;
  if (first === undefined) {
    const found = [...new Set(weights.map(({ path }) => weightFormat(path)))].join(', ') || 'no weights';
    const problem = type === undefined ? 'it is empty' : `${type} loads ${formats?.join(', ')}, but it has ${found}`;
    const hint = formats?.includes('gguf')
      ? 'look on the hub for a repository of this model whose name ends in -GGUF'
      : 'choose another model, or another worker type';
    throw RbeeError.of('MODEL_NOTHING_TO_LOAD', { model, problem, hint });
  }
  if (formats === undefined) return { files: [...files] };
  const others = groups.slice(1).map(([file]) => file?.path ?? '');
  const note = `using ${first[0]?.path}; also available: ${briefly(others)}`;
  return { files: first, ...(others.length > 0 && { note }) };
};

const depth = ([file]: readonly RepositoryFile[]): number => (file?.path.split('/').length ?? 1) - 1;

const bytesOf = (group: readonly RepositoryFile[]): number => group.reduce((sum, { bytes }) => sum + bytes, 0);

const briefly = (names: readonly string[]): string =>
  names.length > 12 ? `${names.slice(0, 12).join(', ')} and ${names.length - 12} more` : names.join(', ');
