/** What the last log lines of both engines mean. For a new failure, add a rule here and a log in failures.json. */
import type { FailureRule } from '@rbee/contract';

const smaller = 'choose a smaller or more quantized model, or --option offload=true with sd-server';
const otherPort = 'spawn the worker again: another port is chosen';
const again = 'download the model again, and compare its size with the source';
const pathHint = 'check the path and its permissions; it is read on the hive';
const cudaHint =
  'onnxruntime needs its CUDA libraries (rbee plugins install @rbee/worker-sd --allow-scripts), CUDA 12 and cuDNN 9; or use an sd-server built for CUDA (RBEE_SD_SERVER)';
const sdServerHint = 'put sd-server from stable-diffusion.cpp on the PATH, or set RBEE_SD_SERVER';
const look = 'look at the log of the worker';
/** Matches our own servers' errors; their exit code says more. The adapter forwards sd-server's exit codes with a sentence. */
const ownError = /^sd: error: (?!the engine )(.+)/;
const ownCodes = [64, 65, 66, 69, 71, 98];
const crashSignals = ['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE'] as const;

export const failures: readonly FailureRule[] = [
  {
    exit: ownCodes,
    pattern: /^sd: error: (?!the engine )(.{0,500}?(?:needs|use) sd-server.*)/,
    cause: 'unsupported_model',
    message: '{1}',
    hint: sdServerHint,
  },
  {
    exit: ownCodes,
    pattern: /^sd: error: (?!the engine )(.{0,500}?is not supported.*)/,
    cause: 'unsupported_model',
    message: '{1}',
    hint: 'choose a Stable Diffusion 1, 2 or XL model',
  },
  {
    exit: ownCodes,
    pattern: /^sd: error: (?!the engine )(.{0,500}? cannot be started: .*)/,
    cause: 'missing_library',
    message: '{1}',
    hint: sdServerHint,
  },
  {
    exit: ownCodes,
    pattern: /^sd: error: (?!the engine )(.{0,500}?onnxruntime cannot use cuda.*)/,
    cause: 'missing_library',
    message: '{1}',
    hint: cudaHint,
  },
  { exit: 64, pattern: ownError, cause: 'bad_option', message: '{1}', hint: 'check the options of the worker' },
  { exit: 65, pattern: ownError, cause: 'bad_model', message: '{1}', hint: again },
  { exit: 66, pattern: ownError, cause: 'missing_model', message: '{1}', hint: pathHint },
  {
    exit: 69,
    pattern: ownError,
    cause: 'no_device',
    message: '{1}',
    hint: 'install an sd-server for this device (RBEE_SD_SERVER), or use --device cpu',
  },
  { exit: 71, pattern: ownError, cause: 'out_of_memory', message: '{1}', hint: smaller },
  { exit: 98, pattern: ownError, cause: 'port_in_use', message: '{1}', hint: otherPort },
  {
    pattern: /error: cannot listen on (\S+) port (\d+): (.+)/,
    cause: 'port_in_use',
    message: 'cannot listen on {1} port {2}: {3}',
    hint: otherPort,
  },
  {
    pattern: /EADDRINUSE|address already in use/i,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: otherPort,
  },
  {
    pattern: /error while loading shared libraries: (\S+): (.+)/,
    cause: 'missing_library',
    message: 'sd-server needs the library {1}: {2}',
    hint: 'keep the files of its release together, or install that library; or use --option engine=builtin',
  },
  {
    pattern: /version `?(GLIBC\w*_[\d.]+)'? not found/,
    cause: 'missing_library',
    message: 'this program was built for a newer system: {1} is missing',
    hint: 'use a build for this system, or --option engine=builtin',
  },
  {
    pattern: /backend '(.+?)' was not found/,
    cause: 'no_device',
    message: 'sd-server sees no device {1}',
    hint: 'compare the output of: sd-server --list-devices, and of: rbee hive devices',
  },
  {
    pattern: /Invalid device index (\d+) in GGML_VK_VISIBLE_DEVICES/,
    cause: 'no_device',
    message: 'there is no Vulkan device {1}',
    hint: 'see the devices with: rbee hive devices',
  },
  {
    pattern: /failed to initialize CUDA: (CUDA driver version is insufficient.*)/,
    cause: 'driver',
    message: 'the NVIDIA driver is too old: {1}',
    hint: 'update the driver, or use a build for an older CUDA',
  },
  {
    pattern: /failed to initialize (?:CUDA|ROCm): (.+)|no (?:CUDA|ROCm)-capable device is detected/,
    cause: 'no_device',
    message: 'the GPU cannot be used: {1}',
    hint: 'check it with nvidia-smi or rocm-smi',
  },
  {
    pattern:
      /cudaMalloc failed: out of memory|unable to allocate \w+ buffer|CUDA error: out of memory|ErrorOutOfDeviceMemory|CUDA failure 2\b/,
    cause: 'out_of_memory',
    message: 'the GPU has not enough memory for the model or for an image of this size',
    hint: `stop another worker on that device, ask for smaller images, or ${smaller}`,
  },
  {
    pattern:
      /insufficient memory \(attempted to allocate|failed to allocate (?:CPU |compute )?buffer|std::bad_alloc|bad allocation|JavaScript heap out of memory/,
    cause: 'out_of_memory',
    message: 'there is not enough memory',
    hint: `stop another worker, or ${smaller}`,
  },
  {
    pattern: /CUDA error: (.+)|ROCm error: (.+)|CUDA failure (\d+.*)/,
    cause: 'driver',
    message: 'the GPU failed: {1}{2}{3}',
    hint: 'look at the log of the worker and of the kernel (dmesg); a restart often helps',
  },
  {
    pattern: /init model loader from file failed: '(.+?)'/,
    cause: 'bad_model',
    message: 'sd-server cannot read the model file {1}: it is missing, damaged or of another format',
    hint: again,
  },
  {
    pattern: /get sd version from file failed: '(.*?)'/,
    cause: 'unsupported_model',
    message: 'sd-server does not recognise {1} as a diffusion model',
    hint: 'a diffusion model without its text encoders needs them as components; other kinds need a newer sd-server',
  },
  {
    pattern: /the following arguments are required: (.+)/,
    cause: 'bad_option',
    message: 'sd-server needs {1}, which was not given',
    hint: 'check the model and the options of the worker',
  },
  {
    pattern: /error: unknown argument: (\S+)/,
    cause: 'bad_option',
    message: 'this sd-server does not know the argument {1}',
    hint: 'use a newer sd-server, switch that option off (--option eager_load=false), or check --option extra_args',
  },
  {
    pattern: /new_sd_ctx_t? failed/,
    cause: 'bad_model',
    message: 'sd-server could not load the model',
    hint: 'look at the earlier lines in the log of the worker; a part of the model may be missing (vae, clip_l, t5xxl)',
  },
  {
    exit: 'SIGKILL',
    cause: 'killed',
    message: 'the worker was killed (SIGKILL), by someone or by the kernel for lack of memory',
    hint: `dmesg shows whether it was the kernel; if so, ${smaller}`,
  },
  {
    exit: crashSignals,
    pattern: /^(.{0,200}?(?:GGML_ASSERT|GGML_ABORT|terminate called|fatal error).*)/i,
    ready: false,
    cause: 'crashed',
    message: 'the engine crashed while it was loading ({exit}): {1}',
    hint: 'the model may be damaged: try another file',
  },
  {
    exit: crashSignals,
    ready: false,
    cause: 'crashed',
    message: 'the engine crashed while it was loading ({exit})',
    hint: 'the model may be damaged: try another file',
  },
  {
    exit: crashSignals,
    cause: 'crashed',
    message: 'the engine crashed while it was serving ({exit})',
    hint: look,
  },
  { exit: 127, cause: 'missing_library', message: 'the program of the worker could not be started', hint: look },
  { exit: 'nonzero', pattern: /^sd: error: (.+)/, cause: 'crashed', message: '{1}', hint: look },
  { exit: 'nonzero', pattern: /^(.{0,200}?(?:error|failed).*)/i, cause: 'crashed', message: '{1}', hint: look },
];
