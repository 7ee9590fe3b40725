/** What the last log lines of both engines mean. For a new failure, add a rule here and a log in failures.json. */
import type { FailureRule } from '@rbee/contract';

const smaller = 'choose a smaller model, or another number format: --option dtype=q8 --option slots=1';
const otherPort = 'spawn the worker again: another port is chosen';
const again = 'download the model again, and compare its size with the source';
const addCuda =
  'reinstall with its download: rbee plugins install @rbee/worker-whisper --variant cuda --allow-scripts; CUDA 12 and cuDNN 9 ' +
  'must be on the machine (the README says more), or use --device cpu';
const look = 'look at the log of the worker';
/** Matches our own server's errors; its exit code says more. */
const ownError = /^whisper: error: (.+)/;

export const failures: readonly FailureRule[] = [
  {
    pattern: /error: cannot listen on (\S+) port (\d+): (.+)/,
    cause: 'port_in_use',
    message: 'cannot listen on {1} port {2}: {3}',
    hint: otherPort,
  },
  {
    pattern: /couldn't bind to server socket|EADDRINUSE|address already in use/i,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: otherPort,
  },
  {
    pattern: /libonnxruntime_providers_(?:shared|cuda)\S* |the CUDA libraries of ONNX Runtime are missing/,
    cause: 'missing_library',
    message: 'the CUDA libraries of ONNX Runtime, or their dependencies, are not installed',
    hint: addCuda,
  },
  {
    pattern: /error while loading shared libraries: (\S+): (.+)/,
    cause: 'missing_library',
    message: 'whisper-server needs the library {1}: {2}',
    hint: 'keep the files of the whisper.cpp release together, or install that library; or use --option engine=onnx',
  },
  {
    pattern: /version `?(GLIBC\w*_[\d.]+)'? not found/,
    cause: 'missing_library',
    message: 'this program was built for a newer system: {1} is missing',
    hint: 'use a build for this system',
  },
  {
    pattern: /invalid model data \(bad magic\)/,
    cause: 'bad_model',
    message: 'the file is not a ggml model for whisper.cpp',
    hint: 'use a file such as ggml-base.bin; ONNX folders need --option engine=onnx',
  },
  {
    pattern: /whisper_init_from_file_with_params_no_state: failed to open '(.+?)'|failed to open '(.+?)'/,
    cause: 'missing_model',
    message: 'the model {1}{2} cannot be opened',
    hint: 'check the path and its permissions; it is read on the hive',
  },
  {
    pattern:
      /CUDA error: out of memory|cudaMalloc failed: out of memory|CUDA_ERROR_OUT_OF_MEMORY|CUBLAS_STATUS_ALLOC_FAILED/,
    cause: 'out_of_memory',
    message: 'the GPU has not enough memory for the model',
    hint: `stop another worker on that device, or ${smaller}`,
  },
  {
    pattern: /failed to allocate|bad_alloc|JavaScript heap out of memory/,
    cause: 'out_of_memory',
    message: 'there is not enough memory',
    hint: `stop another worker, or ${smaller}`,
  },
  {
    pattern: /no CUDA-capable device is detected|CUDA failure 100/,
    cause: 'no_device',
    message: 'CUDA sees no device',
    hint: 'check it with nvidia-smi, and see what the hive sees: rbee hive devices',
  },
  {
    pattern: /CUDA driver version is insufficient/,
    cause: 'driver',
    message: 'the NVIDIA driver is too old',
    hint: 'update the driver',
  },
  {
    pattern: /CUDA error: (.+)|CUDA failure \d+: (.+?) ;/,
    cause: 'driver',
    message: 'the GPU failed: {1}{2}',
    hint: 'look at the log of the worker and of the kernel (dmesg); a restart often helps',
  },
  {
    pattern: /failed to initialize whisper context/,
    cause: 'bad_model',
    message: 'whisper-server cannot load the model',
    hint: again,
  },
  {
    pattern: /error: unknown argument: (\S+)/,
    cause: 'bad_option',
    message: 'this whisper-server does not know the argument {1}',
    hint: 'use a newer whisper-server, or check --option extra_args',
  },
  { exit: 64, pattern: ownError, cause: 'bad_option', message: '{1}', hint: 'check the options of the worker' },
  {
    exit: 65,
    pattern: ownError,
    cause: 'bad_model',
    message: '{1}',
    hint: 'use a Whisper model as an ONNX folder or a ggml file, and leave --option engine to rbee',
  },
  {
    exit: 66,
    pattern: ownError,
    cause: 'missing_model',
    message: '{1}',
    hint: 'check the path, its permissions, and --option dtype; it is read on the hive',
  },
  {
    exit: 69,
    pattern: ownError,
    cause: 'no_device',
    message: '{1}',
    hint: 'check the program and the device, or use --device cpu',
  },
  { exit: 71, pattern: ownError, cause: 'out_of_memory', message: '{1}', hint: smaller },
  { exit: 98, pattern: ownError, cause: 'port_in_use', message: '{1}', hint: otherPort },
  {
    exit: 'SIGKILL',
    cause: 'killed',
    message: 'the worker was killed (SIGKILL), by someone or by the kernel for lack of memory',
    hint: `dmesg shows whether it was the kernel; if so, ${smaller}`,
  },
  { exit: 127, cause: 'missing_library', message: 'the program of the worker could not be started', hint: look },
  { exit: 'nonzero', pattern: ownError, cause: 'crashed', message: '{1}', hint: look },
];
