/** The last words of both engines, turned into a cause and a sentence. A new word of theirs is a new row of the table. */
import type { Diagnosis, Failure, FailureCause } from '@rbee/core/contract';

interface Rule {
  /** What a line of the log holds; groups fill `{1}`, `{2}` of the message. */
  says: RegExp;
  cause: FailureCause;
  message: string;
  hint: string;
}

const smaller = 'choose a smaller model, or another number format: --option dtype=q8 --option slots=1';
const otherPort = 'spawn the worker again: another port is chosen';
const again = 'download the model again, and compare its size with the source';
const addCuda =
  'reinstall with its download: rbee plugins install @rbee/worker-whisper --variant cuda --allow-scripts; CUDA 12 and cuDNN 9 ' +
  'must be on the machine (the README says more), or use --device cpu';

/** The more telling line comes first: engines often print a general one after it. */
const rules: readonly Rule[] = [
  {
    says: /error: cannot listen on (\S+) port (\d+): (.+)/,
    cause: 'port_in_use',
    message: 'cannot listen on {1} port {2}: {3}',
    hint: otherPort,
  },
  {
    says: /couldn't bind to server socket|EADDRINUSE|address already in use/i,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: otherPort,
  },
  {
    says: /libonnxruntime_providers_(?:shared|cuda)\S* |the CUDA libraries of ONNX Runtime are not there/,
    cause: 'missing_library',
    message: 'the CUDA libraries of ONNX Runtime are not installed, or what they need is missing',
    hint: addCuda,
  },
  {
    says: /error while loading shared libraries: (\S+): (.+)/,
    cause: 'missing_library',
    message: 'whisper-server needs the library {1}: {2}',
    hint: 'keep the files of the whisper.cpp release together, or install that library; or use --option engine=onnx',
  },
  {
    says: /version `?(GLIBC\w*_[\d.]+)'? not found/,
    cause: 'missing_library',
    message: 'this program was built for a newer system: {1} is missing',
    hint: 'use a build for this system',
  },
  {
    says: /invalid model data \(bad magic\)/,
    cause: 'bad_model',
    message: 'the file is no ggml model of whisper.cpp',
    hint: 'use a file such as ggml-base.bin; ONNX folders need --option engine=onnx',
  },
  {
    says: /whisper_init_from_file_with_params_no_state: failed to open '(.+?)'|failed to open '(.+?)'/,
    cause: 'missing_model',
    message: 'the model {1}{2} cannot be opened',
    hint: 'check the path and its permissions; it is read on the hive',
  },
  {
    says: /CUDA error: out of memory|cudaMalloc failed: out of memory|CUDA_ERROR_OUT_OF_MEMORY|CUBLAS_STATUS_ALLOC_FAILED/,
    cause: 'out_of_memory',
    message: 'the GPU has not enough memory for the model',
    hint: `stop another worker on that device, or ${smaller}`,
  },
  {
    says: /failed to allocate|bad_alloc|JavaScript heap out of memory/,
    cause: 'out_of_memory',
    message: 'there is not enough memory',
    hint: `stop another worker, or ${smaller}`,
  },
  {
    says: /no CUDA-capable device is detected|CUDA failure 100/,
    cause: 'no_device',
    message: 'CUDA sees no device',
    hint: 'check it with nvidia-smi, and what the hive sees with: rbee hive devices',
  },
  {
    says: /CUDA driver version is insufficient/,
    cause: 'driver',
    message: 'the NVIDIA driver is too old',
    hint: 'update the driver',
  },
  {
    says: /CUDA error: (.+)|CUDA failure \d+: (.+?) ;/,
    cause: 'driver',
    message: 'the GPU failed: {1}{2}',
    hint: 'look at the log of the worker and of the kernel (dmesg); a restart often helps',
  },
  {
    says: /failed to initialize whisper context/,
    cause: 'bad_model',
    message: 'whisper-server cannot load the model',
    hint: again,
  },
  {
    says: /error: unknown argument: (\S+)/,
    cause: 'bad_option',
    message: 'this whisper-server does not know the argument {1}',
    hint: 'use a newer whisper-server, or check --option extra_args',
  },
];

/** Exit codes of our server; its last `error:` line is the message. */
const ownCodes: Readonly<Record<number, { cause: FailureCause; hint: string }>> = {
  64: { cause: 'bad_option', hint: 'check the options of the worker' },
  65: {
    cause: 'bad_model',
    hint: 'use a Whisper model as an ONNX folder or a ggml file, and leave --option engine to rbee',
  },
  66: { cause: 'missing_model', hint: 'check the path, its permissions, and --option dtype; it is read on the hive' },
  69: { cause: 'no_device', hint: 'check the program and the device, or use --device cpu' },
  71: { cause: 'out_of_memory', hint: smaller },
  98: { cause: 'port_in_use', hint: otherPort },
};

export const diagnose = (failure: Failure): Diagnosis | undefined =>
  byLog(failure.log) ?? byOwnCode(failure) ?? byExit(failure);

const byLog = (log: readonly string[]): Diagnosis | undefined => {
  for (const { says, cause, message, hint } of rules) {
    const match = log.map((line) => says.exec(line)).find((found) => found !== null);
    if (match === undefined || match === null) continue;
    return { cause, message: message.replace(/\{(\d)\}/g, (_, group) => match[Number(group)] ?? ''), hint };
  }
  return undefined;
};

const byOwnCode = ({ exit, log }: Failure): Diagnosis | undefined => {
  const known = exit?.code != null ? ownCodes[exit.code] : undefined;
  const said = lastError(log);
  return known === undefined || said === undefined ? undefined : { ...known, message: said };
};

const byExit = ({ exit, wasReady, log }: Failure): Diagnosis | undefined => {
  if (exit === null || (exit.code === 0 && wasReady)) return undefined;
  const when = wasReady ? 'while it was serving' : 'while it was loading';
  const look = 'look at the log of the worker';
  if (exit.signal === 'SIGKILL' || exit.code === 137) {
    const message = `the worker was killed ${when} (SIGKILL), by someone or by the kernel for want of memory`;
    return { cause: 'killed', message, hint: `dmesg tells whether it was the kernel; if so, ${smaller}` };
  }
  if (exit.code === 127) {
    return { cause: 'missing_library', message: 'the program of the worker could not be started', hint: look };
  }
  const how = exit.code === null ? `by ${exit.signal}` : `with exit code ${exit.code}`;
  return { cause: 'crashed', message: lastError(log) ?? `the worker ended ${when} ${how}`, hint: look };
};

/** The last line that our server has written about an error. */
const lastError = (log: readonly string[]): string | undefined =>
  log
    .findLast((line) => line.startsWith('whisper: error: '))
    ?.slice('whisper: error: '.length)
    .trim();
