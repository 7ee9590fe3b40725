/** What the last log lines of ComfyUI and the adapter mean. For a new failure, add a rule here and a log in failures.json. */
import type { FailureRule } from '@rbee/contract';

const otherPort = 'spawn the worker again: another port is chosen';
const look = 'look at its log; --option custom_nodes=false starts it without custom nodes';
/** Matches the adapter's own errors; its exit code says more. */
const ownError = /^comfyui: error: (.+)/;
const ended = [0, 'nonzero'] as const;

export const failures: readonly FailureRule[] = [
  {
    pattern: /Torch not compiled with CUDA enabled/,
    cause: 'no_device',
    message: 'the PyTorch of this ComfyUI was built without CUDA',
    hint: 'install a PyTorch for CUDA into its environment, or spawn with --device cpu',
  },
  {
    pattern: /NVIDIA driver on your system is too old \(found version (\d+)\)/,
    cause: 'driver',
    message: 'the NVIDIA driver is too old for the PyTorch of this ComfyUI',
    hint: 'update the driver, or install a PyTorch for an older CUDA into its environment',
  },
  {
    pattern: /Found no NVIDIA driver on your system|No (?:CUDA|HIP) GPUs are available|no (?:CUDA|ROCm)-capable device/,
    cause: 'no_device',
    message: 'ComfyUI sees no GPU',
    hint: 'check the driver (nvidia-smi, rocm-smi), and what the hive sees: rbee hive devices',
  },
  {
    pattern: /(?:CUDA|HIP) out of memory|torch\.(?:cuda\.)?OutOfMemoryError/,
    cause: 'out_of_memory',
    message: 'the GPU has not enough memory',
    hint: 'spawn with --option vram=lowvram, stop what else uses the GPU, or use a smaller model',
  },
  {
    pattern: /ModuleNotFoundError: No module named '([^']{1,80})'/,
    cause: 'missing_library',
    message: 'the Python of this ComfyUI lacks {1}',
    hint: "install its requirements: python -m pip install -r requirements.txt, in ComfyUI's own environment",
  },
  {
    pattern: /ImportError: (\S{1,200}): cannot open shared object file/,
    cause: 'missing_library',
    message: 'ComfyUI needs the library {1}, which is not there',
    hint: 'install that library',
  },
  {
    pattern: /Port (\d+) is already in use on address/,
    cause: 'port_in_use',
    message: 'port {1} is already in use',
    hint: otherPort,
  },
  {
    pattern: /\[Errno 98\]|EADDRINUSE|address already in use/i,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: otherPort,
  },
  {
    pattern: /error: unrecognized arguments: (.{1,300})/,
    cause: 'bad_option',
    message: 'this ComfyUI does not know the arguments {1}',
    hint: 'check --option extra_args; an option of the worker may need a newer ComfyUI',
  },
  {
    pattern: /error: argument (\S{1,80}): (.{1,300})/,
    cause: 'bad_option',
    message: 'ComfyUI refuses {1}: {2}',
    hint: 'check the options of the worker',
  },
  {
    pattern: /\[Errno 28\] No space left on device/,
    cause: 'crashed',
    message: 'there is no space left on the disk',
    hint: 'make room where ComfyUI keeps its models, outputs and temporary files',
  },
  { exit: 64, pattern: ownError, cause: 'bad_option', message: '{1}', hint: 'check the options of the worker' },
  {
    exit: 66,
    pattern: ownError,
    cause: 'missing_model',
    message: '{1}',
    hint: 'check the path; it is read on the hive',
  },
  {
    exit: 69,
    pattern: ownError,
    cause: 'missing_library',
    message: '{1}',
    hint: 'say where ComfyUI is: --option directory=/path/of/ComfyUI, and --option python=/path/of/its/python',
  },
  { exit: 98, pattern: ownError, cause: 'port_in_use', message: '{1}', hint: otherPort },
  {
    exit: 'SIGKILL',
    cause: 'killed',
    message: 'it was killed',
    hint: 'if you did not stop it, the system ran out of memory: use a smaller model, or stop another worker',
  },
  // The last line of a Python traceback, forwarded by the adapter.
  {
    exit: ended,
    pattern: /^(?:comfyui: )?((?:\w+\.){0,8}\w{0,80}(?:Error|Exception): \S.*)$/,
    cause: 'crashed',
    message: 'ComfyUI ended with {1}',
    hint: look,
  },
  { exit: ended, pattern: /^comfyui: error: the engine (.+)/, cause: 'crashed', message: 'ComfyUI {1}', hint: look },
  { exit: ended, pattern: ownError, cause: 'crashed', message: '{1}', hint: look },
];
