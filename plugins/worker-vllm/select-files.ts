/** Selects the files that vLLM needs: one set of safetensors weights, and everything that is not weights. */
import type { RepositoryFile } from '@rbee/contract';

/** Empty if the repository has no safetensors weights. */
export const selectFiles = (files: readonly RepositoryFile[]): readonly string[] => {
  const paths = files.map(({ path }) => path).filter((path) => !elsewhere.test(path) && !notRead.test(path));
  const weights = paths.filter((path) => path.endsWith('.safetensors'));
  if (weights.length === 0) return [];
  const there = new Set(weights.map(plain));
  const chosen = weights.filter(
    (path) =>
      // Mistral's own copy of the weights, if the standard files exist as well.
      !(
        /^consolidated[^/]*\.safetensors$/.test(path) &&
        weights.some((other) => /^model[^/]*\.safetensors$/.test(other))
      ) &&
      // The same weights in half precision, beside the full ones.
      !(precision.test(path) && there.has(path.replace(precision, ''))),
  );
  return [...chosen, ...paths.filter((path) => !path.endsWith('.safetensors'))];
};

/** Folders with weights for other programs, or with documentation. */
const elsewhere = /^(?:original|onnx|openvino|coreml|gguf|metal|runs|assets|images|figures)\//i;
/** Weights for other programs, hidden files, pictures and documentation. */
const notRead =
  /(?:^|\/)\.|\.(?:bin|pt|pth|ckpt|gguf|onnx|onnx_data|h5|msgpack|ot|tflite|mlmodel|npz|nemo|png|jpe?g|gif|webp|svg|mp4|pdf|ipynb|md)$/i;
const precision = /\.(?:fp16|bf16)(?=[.-])/;

const plain = (path: string): string => (precision.test(path) ? '' : path);
