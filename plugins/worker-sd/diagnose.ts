/** The last words of both engines, turned into a cause and a sentence. A new word of theirs is a new row of the table. */
import type { Diagnosis, Failure, FailureCause } from '@rbee/core/contract';

interface Rule {
  /** What a line of the log holds; groups fill `{1}`, `{2}` of the message. */
  says: RegExp;
  cause: FailureCause;
  message: string;
  hint: string;
}

const smaller = 'choose a smaller or more quantized model, or --option offload=true with sd-server';
const otherPort = 'spawn the worker again: another port is chosen';
const again = 'download the model again, and compare its size with the source';
const pathHint = 'check the path and its permissions; it is read on the hive';
const cudaHint =
  'onnxruntime needs its CUDA libraries (rbee plugins install @rbee/worker-sd --allow-scripts), CUDA 12 and cuDNN 9; or use an sd-server built for CUDA (RBEE_SD_SERVER)';
const sdServerHint = 'install sd-server of stable-diffusion.cpp and put it on PATH, or set RBEE_SD_SERVER';

/** The more telling line comes first: engines often print a general one after it. */
const rules: readonly Rule[] = [
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
    message: 'sd-server needs the library {1}: {2}',
    hint: 'keep the files of its release together, or install that library; or use --option engine=builtin',
  },
  {
    says: /version `?(GLIBC\w*_[\d.]+)'? not found/,
    cause: 'missing_library',
    message: 'this program was built for a newer system: {1} is missing',
    hint: 'use a build for this system, or --option engine=builtin',
  },
  {
    says: /backend '(.+?)' was not found/,
    cause: 'no_device',
    message: 'sd-server sees no device {1}',
    hint: 'see what it sees with: sd-server --list-devices; and what the hive sees with: rbee hive devices',
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
    says: /cudaMalloc failed: out of memory|unable to allocate \w+ buffer|CUDA error: out of memory|ErrorOutOfDeviceMemory|CUDA failure 2\b/,
    cause: 'out_of_memory',
    message: 'the GPU has not enough memory for the model or for a picture of this size',
    hint: `stop another worker on that device, ask for smaller pictures, or ${smaller}`,
  },
  {
    says: /insufficient memory \(attempted to allocate|failed to allocate (?:CPU |compute )?buffer|std::bad_alloc|bad allocation|JavaScript heap out of memory/,
    cause: 'out_of_memory',
    message: 'there is not enough memory',
    hint: `stop another worker, or ${smaller}`,
  },
  {
    says: /CUDA error: (.+)|ROCm error: (.+)|CUDA failure (\d+.*)/,
    cause: 'driver',
    message: 'the GPU failed: {1}{2}{3}',
    hint: 'look at the log of the worker and of the kernel (dmesg); a restart often helps',
  },
  {
    says: /init model loader from file failed: '(.+?)'/,
    cause: 'bad_model',
    message: 'sd-server cannot read the model file {1}: it is missing, damaged or of another format',
    hint: again,
  },
  {
    says: /get sd version from file failed: '(.*?)'/,
    cause: 'unsupported_model',
    message: 'sd-server does not recognise {1} as a diffusion model',
    hint: 'a diffusion model without its text encoders needs them as components; other kinds need a newer sd-server',
  },
  {
    says: /the following arguments are required: (.+)/,
    cause: 'bad_option',
    message: 'sd-server misses {1}',
    hint: 'check the model and the options of the worker',
  },
  {
    says: /error: unknown argument: (\S+)/,
    cause: 'bad_option',
    message: 'this sd-server does not know the argument {1}',
    hint: 'use a newer sd-server, switch that option off (--option eager_load=false), or check --option extra_args',
  },
  {
    says: /new_sd_ctx_t? failed/,
    cause: 'bad_model',
    message: 'sd-server could not load the model',
    hint: 'look at the lines before in the log of the worker; a part of the model may be missing (vae, clip_l, t5xxl)',
  },
];

/** Exit codes of our own servers; the last `error:` line is the message. */
const ownCodes: Readonly<Record<number, { cause: FailureCause; hint: string }>> = {
  64: { cause: 'bad_option', hint: 'check the options of the worker' },
  65: { cause: 'bad_model', hint: again },
  66: { cause: 'missing_model', hint: pathHint },
  69: { cause: 'no_device', hint: 'install an sd-server for this device (RBEE_SD_SERVER), or use --device cpu' },
  71: { cause: 'out_of_memory', hint: smaller },
  98: { cause: 'port_in_use', hint: otherPort },
};

export const diagnose = (failure: Failure): Diagnosis | undefined =>
  byOwnCode(failure) ?? byLog(failure.log) ?? byExit(failure);

const byOwnCode = ({ exit, log }: Failure): Diagnosis | undefined => {
  const known = exit?.code == null ? undefined : ownCodes[exit.code];
  const said = lastError(log);
  // sd-server's own exit codes are passed on by its adapter, with a sentence about the engine.
  if (known === undefined || said === undefined || /^the engine /.test(said)) return undefined;
  if (/needs sd-server|use sd-server/.test(said))
    return { cause: 'unsupported_model', message: said, hint: sdServerHint };
  if (/is not supported/.test(said)) {
    return { cause: 'unsupported_model', message: said, hint: 'choose a Stable Diffusion 1, 2 or XL model' };
  }
  if (/ cannot be started: /.test(said)) return { cause: 'missing_library', message: said, hint: sdServerHint };
  if (/onnxruntime cannot use cuda/.test(said)) return { cause: 'missing_library', message: said, hint: cudaHint };
  return { ...known, message: said };
};

const byLog = (log: readonly string[]): Diagnosis | undefined => {
  for (const { says, cause, message, hint } of rules) {
    const match = log.map((line) => says.exec(line.slice(0, longestLine))).find((found) => found !== null);
    if (match === undefined || match === null) continue;
    return { cause, message: message.replace(/\{(\d)\}/g, (_, group) => match[Number(group)] ?? ''), hint };
  }
  return undefined;
};

const longestLine = 4000;

const byExit = ({ exit, wasReady, log }: Failure): Diagnosis | undefined => {
  if (exit === null) return undefined;
  const when = wasReady ? 'while it was serving' : 'while it was loading';
  const look = 'look at the log of the worker';
  if (exit.signal === 'SIGKILL' || exit.code === 137) {
    const message = `the worker was killed ${when} (SIGKILL), by someone or by the kernel for want of memory`;
    return { cause: 'killed', message, hint: `dmesg tells whether it was the kernel; if so, ${smaller}` };
  }
  const crash = exit.signal ?? crashCodes[exit.code ?? 0];
  if (crash !== undefined && /^SIG(ABRT|SEGV|BUS|ILL|FPE)$/.test(crash)) {
    const said = log.findLast((line) => /GGML_ASSERT|GGML_ABORT|terminate called|fatal error/i.test(line));
    const message = `the engine crashed ${when} (${crash})${said === undefined ? '' : `: ${said.trim().slice(0, 400)}`}`;
    return { cause: 'crashed', message, hint: wasReady ? look : 'the model may be damaged: try another file' };
  }
  if (exit.code === 127) {
    return { cause: 'missing_library', message: 'the program of the worker could not be started', hint: look };
  }
  if (exit.code === 0 && wasReady) return undefined;
  const said =
    lastError(log) ??
    log
      .findLast((line) => /error|failed/i.test(line))
      ?.trim()
      .slice(0, 400);
  const how = exit.code === null ? `by ${exit.signal}` : `with exit code ${exit.code}`;
  return { cause: 'crashed', message: said || `the worker ended ${when} ${how}`, hint: look };
};

/** 128 and the number of the signal, as an adapter passes them on. */
const crashCodes: Readonly<Record<number, string>> = {
  132: 'SIGILL',
  134: 'SIGABRT',
  135: 'SIGBUS',
  136: 'SIGFPE',
  139: 'SIGSEGV',
};

/** The last line that a program of ours has written about an error. */
const lastError = (log: readonly string[]): string | undefined => {
  const said = log
    .findLast((line) => /^sd: error: \S/.test(line))
    ?.slice('sd: error: '.length)
    .trim();
  return said === undefined || said.length <= 1000 ? said : `${said.slice(0, 1000)}...`;
};
