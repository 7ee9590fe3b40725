/** llama.cpp's own last words, turned into a cause and a sentence. A new word of its is a new row of the table. */
import type { Diagnosis, Failure, FailureCause } from '@rbee/core/contract';

interface Rule {
  /** What a line of the log holds; groups fill `{1}`, `{2}` of the message. */
  says: RegExp;
  cause: FailureCause;
  message: string;
  hint: string;
}

const smaller = 'choose a smaller model, or fewer and shorter slots: --option context=2048 --option slots=1';
const otherPort = 'spawn the worker again: another port is chosen';
const again = 'download the model again, and compare its size with the source';

/** The more telling line comes first: engines often print a general one after it. */
const rules: readonly Rule[] = [
  {
    says: /couldn't bind HTTP server socket, hostname: (\S+), port: (\d+)/,
    cause: 'port_in_use',
    message: 'port {2} on {1} is already in use',
    hint: otherPort,
  },
  {
    says: /error: cannot listen on (\S+) port (\d+): (.+)/,
    cause: 'port_in_use',
    message: 'cannot listen on {1} port {2}: {3}',
    hint: otherPort,
  },
  {
    says: /EADDRINUSE|address already in use/i,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: otherPort,
  },
  {
    says: /error while loading shared libraries: (\S+): (.+)/,
    cause: 'missing_library',
    message: 'llama-server needs the library {1}: {2}',
    hint: 'keep the files of the llama.cpp release together, or install that library; or use --option engine=builtin',
  },
  {
    says: /(?:version `?(GLIBC\w*_[\d.]+)'? not found)/,
    cause: 'missing_library',
    message: 'this program was built for a newer system: {1} is missing',
    hint: 'use a build for this system (npm run llama-server:build makes one)',
  },
  {
    says: /no backends are loaded/,
    cause: 'missing_library',
    message: 'llama.cpp found none of its own libraries (libggml-*) beside it',
    hint: 'unpack the llama.cpp release again and keep its files together',
  },
  {
    says: /error: (?:the model file .+ does not exist)/,
    cause: 'missing_model',
    message: 'the model file does not exist',
    hint: 'check the path; it is read on the hive',
  },
  {
    says: /failed to open GGUF file '?(.+?)'? \((.+)\)|failed to open (.+?): (No such file or directory)/,
    cause: 'missing_model',
    message: 'the model file cannot be opened: {1}{3} ({2}{4})',
    hint: 'check the path and its permissions; it is read on the hive',
  },
  {
    says: /invalid magic characters: '(.*?)'|Invalid GGUF magic/,
    cause: 'bad_model',
    message: 'the file is not a GGUF model',
    hint: 'give the path of a .gguf file; other formats must be converted first',
  },
  {
    says: /tensor '(.+?)' data is not within the file bounds/,
    cause: 'bad_model',
    message: 'the model file is cut off: the data of {1} is missing',
    hint: again,
  },
  {
    says: /failed to read (?:key-value pairs|tensor info|tensor data|header|magic)|gguf_init_from_(?:reader|file\w*): failed/,
    cause: 'bad_model',
    message: 'the header of the model file is damaged or cut off',
    hint: again,
  },
  {
    says: /unknown model architecture: '(.+?)'/,
    cause: 'unsupported_model',
    message: 'this llama.cpp does not know the model architecture {1}',
    hint: 'use a newer llama-server (RBEE_LLAMA_SERVER), or another model',
  },
  {
    says: /CLIP cannot be used as main model/,
    cause: 'unsupported_model',
    message: 'this file is the image part (mmproj) of a model, not the model',
    hint: 'give the path of the main .gguf file',
  },
  {
    says: /invalid split file|failed to load (?:GGUF )?split from/,
    cause: 'bad_model',
    message: 'a part of this split model is missing or was renamed',
    hint: 'put all its parts into one folder under their own names, and give the first one',
  },
  {
    says: /error: the chat template of the model cannot be read: (.+)|chat template parsing error: (.+)/,
    cause: 'bad_model',
    message: 'the chat template cannot be read: {1}{2}',
    hint: 'give another with --option chat_template, for example chatml',
  },
  {
    says: /error: the model file (.+) cannot be used: it is for big-endian machines/,
    cause: 'bad_model',
    message: '{1} is a GGUF file for big-endian machines',
    hint: 'download the usual one, or convert it with gguf_convert_endian.py',
  },
  {
    says: /failed to initialize chat template/,
    cause: 'bad_model',
    message: 'llama-server cannot read the chat template',
    hint: 'give another with --option chat_template, for example chatml',
  },
  {
    says: /key not found in model: (\S+)|missing tensor '(.+?)'/,
    cause: 'bad_model',
    message: 'the model lacks {1}{2}, which llama.cpp needs',
    hint: 'use a model that was converted for this version of llama.cpp',
  },
  {
    says: /GGML_ASSERT\(.*(?:id_to_token|token_to_id).*\) failed|unknown tokenizer|cannot find tokenizer|error loading model vocabulary/,
    cause: 'bad_model',
    message: 'the vocabulary of the model is not valid',
    hint: 'use a model that was converted for this version of llama.cpp',
  },
  {
    says: /K cache type (\S+) with block size (\d+) does not divide n_embd_head_k=(\d+)/,
    cause: 'bad_option',
    message:
      'cache_type_k={1} does not fit this model: its attention heads have {3} values, and {1} needs a multiple of {2}',
    hint: 'leave cache_type_k at f16 for this model, or add --option flash_attention=off',
  },
  {
    says: /V cache type (\S+) with block size (\d+) does not divide n_embd_head_v=(\d+)/,
    cause: 'bad_option',
    message:
      'cache_type_v={1} does not fit this model: its attention heads have {3} values, and {1} needs a multiple of {2}',
    hint: 'leave cache_type_v at f16 for this model',
  },
  {
    says: /quantized V cache (?:was requested, but this )?requires flash|V cache quantization requires flash_attn/i,
    cause: 'bad_option',
    message: 'a quantized cache_type_v needs flash attention',
    hint: 'leave flash_attention at auto, or cache_type_v at f16',
  },
  {
    says: /does not support different K \((\S+)\) and V \((\S+)\) cache types/,
    cause: 'bad_option',
    message: 'this model needs the same cache_type_k and cache_type_v, not {1} and {2}',
    hint: 'set both options to the same type',
  },
  {
    says: /failed to allocate buffer for (?:the )?kv cache/,
    cause: 'out_of_memory',
    message: 'there is not enough memory for the context',
    hint: smaller,
  },
  {
    says: /unable to allocate (\w+) buffer|allocating ([\d.]+) MiB on device (\d+): \w+ failed: out of memory|CUDA error: out of memory|ErrorOutOfDeviceMemory/,
    cause: 'out_of_memory',
    message: 'the GPU has not enough memory for the model',
    hint: `stop another worker on that device, lower --option gpu_layers, or ${smaller}`,
  },
  {
    says: /insufficient memory \(attempted to allocate ([\d.]+) MB\)|failed to allocate CPU buffer|std::bad_alloc|failed to allocate compute(?: pp)? buffers|JavaScript heap out of memory/,
    cause: 'out_of_memory',
    message: 'there is not enough memory',
    hint: `stop another worker, or ${smaller}`,
  },
  {
    says: /failed to initialize the context: (.+)|llama_init_from_model: (SPLIT_MODE_TENSOR requires .+)/,
    cause: 'unknown',
    message: 'llama.cpp cannot make the context: {1}{2}',
    hint: 'check the options of the worker, and look at its log',
  },
  {
    says: /failed to create[_ ]context/,
    cause: 'unknown',
    message: 'llama.cpp cannot make the context, and does not say why',
    hint: `look at the log of the worker; if it is the memory, ${smaller}`,
  },
  {
    says: /invalid device: (\S+)/,
    cause: 'no_device',
    message: 'llama-server sees no device {1}',
    hint: 'see what it sees with: llama-server --list-devices; and what the hive sees with: rbee hive devices',
  },
  {
    says: /Invalid device index (\d+) in GGML_VK_VISIBLE_DEVICES/,
    cause: 'no_device',
    message: 'there is no Vulkan device {1}',
    hint: 'see the devices with: rbee hive devices',
  },
  {
    says: /failed to initialize CUDA: (CUDA driver version is insufficient.*)/,
    cause: 'driver',
    message: 'the NVIDIA driver is too old: {1}',
    hint: 'update the driver, or use a build for an older CUDA',
  },
  {
    says: /failed to initialize (?:CUDA|ROCm): (.+)|no (?:CUDA|ROCm)-capable device is detected/,
    cause: 'no_device',
    message: 'the GPU cannot be used: {1}',
    hint: 'check it with nvidia-smi or rocm-smi',
  },
  {
    says: /CUDA error: (.+)|ROCm error: (.+)/,
    cause: 'driver',
    message: 'the GPU failed: {1}{2}',
    hint: 'look at the log of the worker and of the kernel (dmesg); a restart often helps',
  },
  {
    says: /error: invalid argument: (\S+)/,
    cause: 'bad_option',
    message: 'this llama-server does not know the argument {1}',
    hint: 'use a newer llama-server, or check --option extra_args',
  },
  {
    says: /error while handling (?:argument|environment variable) "(.+?)": (.+)/,
    cause: 'bad_option',
    message: 'llama-server refuses {1}: {2}',
    hint: 'check the options of the worker',
  },
];

/** Exit codes of the builtin engine; its last `error:` line is the message. */
const builtinCodes: Readonly<Record<number, { cause: FailureCause; hint: string }>> = {
  64: { cause: 'bad_option', hint: 'check the options of the worker' },
  65: { cause: 'bad_model', hint: again },
  66: { cause: 'missing_model', hint: 'check the path and its permissions; it is read on the hive' },
  69: { cause: 'no_device', hint: 'install a llama-server for this device (RBEE_LLAMA_SERVER), or use --device cpu' },
  71: { cause: 'out_of_memory', hint: smaller },
  98: { cause: 'port_in_use', hint: otherPort },
};

export const diagnose = (failure: Failure): Diagnosis | undefined =>
  byOwnCode(failure) ?? byLog(failure.log) ?? byExit(failure);

const byOwnCode = ({ exit, binary, log }: Failure): Diagnosis | undefined => {
  const known = binary.id === 'builtin' && exit?.code != null ? builtinCodes[exit.code] : undefined;
  const said = lastError(log);
  if (known === undefined || said === undefined) return undefined;
  // The message holds llama.cpp's own words too, and the table knows more of some than the code tells.
  const found = byLog([`llamacpp: error: ${said}`]);
  if (found?.cause === known.cause && known.cause === 'bad_option') return found;
  if (known.cause !== 'bad_model') return { ...known, message: said };
  const tellsMore = found?.cause === 'unsupported_model' || (found?.cause === 'bad_model' && found.hint !== again);
  return tellsMore ? (found as Diagnosis) : { ...known, message: said };
};

const byLog = (log: readonly string[]): Diagnosis | undefined => {
  for (const { says, cause, message, hint } of rules) {
    const match = log.map((line) => says.exec(line)).find((found) => found !== null);
    if (match === undefined || match === null) continue;
    return { cause, message: message.replace(/\{(\d)\}/g, (_, group) => match[Number(group)] ?? ''), hint };
  }
  return undefined;
};

const byExit = ({ exit, wasReady, log }: Failure): Diagnosis | undefined => {
  if (exit === null) return undefined;
  const when = wasReady ? 'while it was serving' : 'while it was loading';
  const look = 'look at the log of the worker';
  if (exit.signal === 'SIGKILL' || exit.code === 137) {
    const message = `the worker was killed ${when} (SIGKILL), by someone or by the kernel for want of memory`;
    return { cause: 'killed', message, hint: `dmesg tells whether it was the kernel; if so, ${smaller}` };
  }
  if (exit.signal === 'SIGABRT' || exit.code === 134) {
    const said = log.findLast((line) => /GGML_ASSERT|GGML_ABORT|terminate called|fatal error/i.test(line));
    const message = `llama.cpp gave up ${when}${said === undefined ? '' : `: ${said.trim()}`}`;
    return { cause: 'crashed', message, hint: wasReady ? look : 'the model may be damaged: try another file' };
  }
  if (exit.signal === 'SIGSEGV' || exit.signal === 'SIGBUS' || exit.signal === 'SIGILL') {
    return { cause: 'crashed', message: `llama.cpp crashed ${when} (${exit.signal})`, hint: look };
  }
  if (exit.code === 127) {
    return { cause: 'missing_library', message: 'the program of the worker could not be started', hint: look };
  }
  if (exit.code === 0 && wasReady) return undefined;
  if (
    !wasReady &&
    exit.code === 1 &&
    log.some((line) => /\binit: /.test(line)) &&
    !log.some((line) => loading.test(line))
  ) {
    return { cause: 'port_in_use', message: 'llama-server could not listen on its port', hint: otherPort };
  }
  const said = lastError(log) ?? log.findLast((line) => /error|failed/i.test(line))?.trim();
  const how = exit.code === null ? `by ${exit.signal}` : `with exit code ${exit.code}`;
  return { cause: 'crashed', message: said ?? `the worker ended ${when} ${how}`, hint: look };
};

/** llama-server loads right after it listens. Now and then its last lines get lost, and with them the reason why it did not. */
const loading = /loading model|listening on|error/i;

/** The last line that a program of ours has written about an error. */
const lastError = (log: readonly string[]): string | undefined =>
  log
    .findLast((line) => /^llamacpp: error: /.test(line))
    ?.slice('llamacpp: error: '.length)
    .trim();
