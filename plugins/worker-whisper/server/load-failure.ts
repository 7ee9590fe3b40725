/** Turns loading errors of transformers and ONNX Runtime into an exit code and a sentence. */
import { exitCodes } from '@rbee/worker-server';

export interface LoadFailure {
  exitCode: number;
  message: string;
}

const rules: readonly { says: RegExp; exitCode: number; message: string }[] = [
  {
    says: /Failed to load shared library|libonnxruntime_providers_(?:shared|cuda)|Failed to load library/i,
    exitCode: exitCodes.unavailable,
    message: 'the CUDA libraries of ONNX Runtime are missing or do not load',
  },
  {
    says: /CUDA failure 100|no CUDA-capable device/i,
    exitCode: exitCodes.unavailable,
    message: 'there is no CUDA device',
  },
  {
    says: /CUDA_ERROR_OUT_OF_MEMORY|Failed to allocate memory|bad_alloc|out of memory|CUBLAS_STATUS_ALLOC_FAILED/i,
    exitCode: exitCodes.memory,
    message: 'there is not enough memory for the model',
  },
  {
    says: /Protobuf parsing failed|INVALID_PROTOBUF|ModelProto does not have a graph/i,
    exitCode: exitCodes.badModel,
    message: 'a network of the model is damaged or truncated',
  },
  {
    says: /file was not found locally at "(.+?)"|Could not locate file|ModelFileNotFoundError/,
    exitCode: exitCodes.noModel,
    message: 'a file of the model is missing',
  },
];

export const loadFailure = (thrown: unknown): LoadFailure => {
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  const rule = rules.find(({ says }) => says.test(said));
  const text = said.replace(/\s+/g, ' ').trim().slice(0, 500);
  return rule === undefined
    ? { exitCode: exitCodes.badModel, message: `the model could not be loaded: ${text}` }
    : { exitCode: rule.exitCode, message: `${rule.message}: ${text}` };
};
