/** What the last lines of llama.cpp's log mean. For a new failure, add a rule here and a log in failures.json. */
import type { FailureRule } from '@rbee/contract';

const smaller = 'choose a smaller model, or fewer and shorter slots: --option context=2048 --option slots=1';
const otherPort = 'spawn the worker again: another port is chosen';
const again = 'download the model again, and compare its size with the source';
const pathHint = 'check the path and its permissions; it is read on the hive';
const look = 'look at the log of the worker';
/** Matches the builtin engine's own errors; its exit code says more. */
const ownError = /^llamacpp: error: (.+)/;

export const failures: readonly FailureRule[] = [
  { exit: 66, pattern: ownError, cause: 'missing_model', message: '{1}', hint: pathHint },
  {
    exit: 69,
    pattern: ownError,
    cause: 'no_device',
    message: '{1}',
    hint: 'install a llama-server for this device (RBEE_LLAMA_SERVER), or use --device cpu',
  },
  { exit: 71, pattern: ownError, cause: 'out_of_memory', message: '{1}', hint: smaller },
  { exit: 98, pattern: ownError, cause: 'port_in_use', message: '{1}', hint: otherPort },
  {
    pattern: /couldn't bind HTTP server socket, hostname: (\S+), port: (\d+)/,
    cause: 'port_in_use',
    message: 'port {2} on {1} is already in use',
    hint: otherPort,
  },
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
    message: 'llama-server needs the library {1}: {2}',
    hint: 'keep the files of the llama.cpp release together, or install that library; or use --option engine=builtin',
  },
  {
    pattern: /(?:version `?(GLIBC\w*_[\d.]+)'? not found)/,
    cause: 'missing_library',
    message: 'this program was built for a newer system: {1} is missing',
    hint: 'use a build for this system (npm run llama-server:build makes one)',
  },
  {
    pattern: /no backends are loaded/,
    cause: 'missing_library',
    message: 'llama.cpp found none of its own libraries (libggml-*) beside it',
    hint: 'unpack the llama.cpp release again and keep its files together',
  },
  {
    pattern: /error: (?:the model file .+ does not exist)/,
    cause: 'missing_model',
    message: 'the model file does not exist',
    hint: 'check the path; it is read on the hive',
  },
  {
    pattern: /failed to open GGUF file '?(.+?)'? \((.+)\)|failed to open (.+?): (No such file or directory)/,
    cause: 'missing_model',
    message: 'the model file cannot be opened: {1}{3} ({2}{4})',
    hint: 'check the path and its permissions; it is read on the hive',
  },
  {
    pattern: /invalid magic characters: '(.*?)'|Invalid GGUF magic/,
    cause: 'bad_model',
    message: 'the file is not a GGUF model',
    hint: 'give the path of a .gguf file; other formats must be converted first',
  },
  {
    pattern: /tensor '(.+?)' data is not within the file bounds/,
    cause: 'bad_model',
    message: 'the model file is cut off: the data of {1} is missing',
    hint: again,
  },
  {
    pattern:
      /failed to read (?:key-value pairs|tensor info|tensor data|header|magic)|gguf_init_from_(?:reader|file\w*): failed/,
    cause: 'bad_model',
    message: 'the header of the model file is damaged or cut off',
    hint: again,
  },
  {
    pattern: /unknown model architecture: '(.+?)'/,
    cause: 'unsupported_model',
    message: 'this llama.cpp does not know the model architecture {1}',
    hint: 'use a newer llama-server (RBEE_LLAMA_SERVER), or another model',
  },
  {
    pattern: /CLIP cannot be used as main model/,
    cause: 'unsupported_model',
    message: 'this file is the image part (mmproj) of a model, not the model',
    hint: 'give the path of the main .gguf file',
  },
  {
    pattern: /invalid split file|failed to load (?:GGUF )?split from/,
    cause: 'bad_model',
    message: 'a part of this split model is missing or was renamed',
    hint: 'put all its parts into one folder under their own names, and give the first one',
  },
  {
    pattern: /error: the chat template of the model cannot be read: (.+)|chat template parsing error: (.+)/,
    cause: 'bad_model',
    message: 'the chat template cannot be read: {1}{2}',
    hint: 'give another with --option chat_template, for example chatml',
  },
  {
    pattern: /error: the model file (.+) cannot be used: it is for big-endian machines/,
    cause: 'bad_model',
    message: '{1} is a GGUF file for big-endian machines',
    hint: 'download the usual one, or convert it with gguf_convert_endian.py',
  },
  {
    pattern: /failed to initialize chat template/,
    cause: 'bad_model',
    message: 'llama-server cannot read the chat template',
    hint: 'give another with --option chat_template, for example chatml',
  },
  {
    pattern: /key not found in model: (\S+)|missing tensor '(.+?)'/,
    cause: 'bad_model',
    message: 'the model lacks {1}{2}, which llama.cpp needs',
    hint: 'use a model that was converted for this version of llama.cpp',
  },
  {
    pattern:
      /GGML_ASSERT\(.*(?:id_to_token|token_to_id).*\) failed|unknown tokenizer|cannot find tokenizer|error loading model vocabulary/,
    cause: 'bad_model',
    message: 'the vocabulary of the model is not valid',
    hint: 'use a model that was converted for this version of llama.cpp',
  },
  {
    pattern: /K cache type (\S+) with block size (\d+) does not divide n_embd_head_k=(\d+)/,
    cause: 'bad_option',
    message:
      'cache_type_k={1} does not fit this model: its attention heads have {3} values, and {1} needs a multiple of {2}',
    hint: 'leave cache_type_k at f16 for this model, or add --option flash_attention=off',
  },
  {
    pattern: /V cache type (\S+) with block size (\d+) does not divide n_embd_head_v=(\d+)/,
    cause: 'bad_option',
    message:
      'cache_type_v={1} does not fit this model: its attention heads have {3} values, and {1} needs a multiple of {2}',
    hint: 'leave cache_type_v at f16 for this model',
  },
  {
    pattern: /quantized V cache (?:was requested, but this )?requires flash|V cache quantization requires flash_attn/i,
    cause: 'bad_option',
    message: 'a quantized cache_type_v needs flash attention',
    hint: 'leave flash_attention at auto, or cache_type_v at f16',
  },
  {
    pattern: /does not support different K \((\S+)\) and V \((\S+)\) cache types/,
    cause: 'bad_option',
    message: 'this model needs the same cache_type_k and cache_type_v, not {1} and {2}',
    hint: 'set both options to the same type',
  },
  {
    pattern: /failed to allocate buffer for (?:the )?kv cache/,
    cause: 'out_of_memory',
    message: 'there is not enough memory for the context',
    hint: smaller,
  },
  {
    pattern:
      /unable to allocate (\w+) buffer|allocating ([\d.]+) MiB on device (\d+): \w+ failed: out of memory|CUDA error: out of memory|ErrorOutOfDeviceMemory/,
    cause: 'out_of_memory',
    message: 'the GPU has not enough memory for the model',
    hint: `stop another worker on that device, lower --option gpu_layers, or ${smaller}`,
  },
  {
    pattern:
      /insufficient memory \(attempted to allocate ([\d.]+) MB\)|failed to allocate CPU buffer|std::bad_alloc|failed to allocate compute(?: pp)? buffers|JavaScript heap out of memory/,
    cause: 'out_of_memory',
    message: 'there is not enough memory',
    hint: `stop another worker, or ${smaller}`,
  },
  {
    pattern: /failed to initialize the context: (.+)|llama_init_from_model: (SPLIT_MODE_TENSOR requires .+)/,
    cause: 'unknown',
    message: 'llama.cpp cannot make the context: {1}{2}',
    hint: 'check the options of the worker, and look at its log',
  },
  {
    pattern: /failed to create[_ ]context/,
    cause: 'unknown',
    message: 'llama.cpp cannot make the context, and does not say why',
    hint: `look at the log of the worker; if it is the memory, ${smaller}`,
  },
  {
    pattern: /invalid device: (\S+)/,
    cause: 'no_device',
    message: 'llama-server sees no device {1}',
    hint: 'compare the output of: llama-server --list-devices, and of: rbee hive devices',
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
    pattern: /CUDA error: (.+)|ROCm error: (.+)/,
    cause: 'driver',
    message: 'the GPU failed: {1}{2}',
    hint: 'look at the log of the worker and of the kernel (dmesg); a restart often helps',
  },
  {
    pattern: /error: invalid argument: (\S+)/,
    cause: 'bad_option',
    message: 'this llama-server does not know the argument {1}',
    hint: 'use a newer llama-server, or check --option extra_args',
  },
  {
    pattern: /error while handling (?:argument|environment variable) "(.+?)": (.+)/,
    cause: 'bad_option',
    message: 'llama-server refuses {1}: {2}',
    hint: 'check the options of the worker',
  },
  { exit: 64, pattern: ownError, cause: 'bad_option', message: '{1}', hint: 'check the options of the worker' },
  { exit: 65, pattern: ownError, cause: 'bad_model', message: '{1}', hint: again },
  {
    exit: 'SIGKILL',
    cause: 'killed',
    message: 'the worker was killed (SIGKILL), by someone or by the kernel for lack of memory',
    hint: `dmesg shows whether it was the kernel; if so, ${smaller}`,
  },
  {
    exit: 'SIGABRT',
    pattern: /^(.{0,200}?(?:GGML_ASSERT|GGML_ABORT|terminate called|fatal error).*)/i,
    ready: false,
    cause: 'crashed',
    message: 'llama.cpp gave up while it was loading: {1}',
    hint: 'the model may be damaged: try another file',
  },
  {
    exit: 'SIGABRT',
    pattern: /^(.{0,200}?(?:GGML_ASSERT|GGML_ABORT|terminate called|fatal error).*)/i,
    cause: 'crashed',
    message: 'llama.cpp gave up while it was serving: {1}',
    hint: look,
  },
  {
    exit: ['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL'],
    cause: 'crashed',
    message: 'llama.cpp crashed ({exit})',
    hint: look,
  },
  { exit: 127, cause: 'missing_library', message: 'the program of the worker could not be started', hint: look },
  { exit: 'nonzero', pattern: ownError, cause: 'crashed', message: '{1}', hint: look },
  { exit: 'nonzero', pattern: /^(.{0,200}?(?:error|failed).*)/i, cause: 'crashed', message: '{1}', hint: look },
];
