/** Model references as users write them, and the names under which models are served. */
import { RbeeError } from './errors.ts';

export type ModelReference =
  /** The tiny model that comes with the worker type. */
  | { kind: 'demo' }
  /** A path on the hive. */
  | { kind: 'file'; path: string };

/** Reads a model reference. A bare path with a slash is taken as `file:`. */
export const parseModelReference = (text: string): ModelReference => {
  const invalid = (problem: string) => RbeeError.of('MODEL_REFERENCE_INVALID', { reference: text, problem });
  if (text === 'demo') return { kind: 'demo' };
  if (text.includes('\0') || text.includes('\n')) throw invalid('it has a character that no path has');
  if (text.startsWith('file:')) {
    const path = text.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
    if (path === '') throw invalid('the path is missing');
    return { kind: 'file', path };
  }
  if (text.startsWith('/') || text.startsWith('./') || text.startsWith('../')) return { kind: 'file', path: text };
  throw invalid('it is neither demo nor a file: path');
};

/** Writes a model reference; the opposite of `parseModelReference`. */
export const formatModelReference = (reference: ModelReference): string =>
  reference.kind === 'demo' ? 'demo' : `file:${reference.path}`;

/** Is this text meant as a reference, not as the name of a served model? */
export const looksLikeReference = (text: string): boolean => text === 'demo' || /^(file:|\.{0,2}\/)/.test(text);

/** The name under which a model is served unless `--name` says otherwise: `Qwen3-0.6B-GGUF` is `qwen3-0.6b`. */
export const servedName = (reference: ModelReference): string => {
  if (reference.kind === 'demo') return 'demo';
  const file = reference.path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  return file
    .replace(/\.(gguf|safetensors|onnx|bin|ggml)$/i, '')
    .replace(/-GGUF$/i, '')
    .toLowerCase();
};
