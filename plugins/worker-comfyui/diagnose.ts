/** The last words of ComfyUI and of the adapter, turned into a cause and a sentence. */
import type { Diagnosis, Failure, FailureCause } from '@rbee/core/contract';

interface Rule {
  /** What a line of the log holds; groups fill `{1}`, `{2}`. */
  says: RegExp;
  cause: FailureCause;
  message: string;
  hint: string;
}

const rules: readonly Rule[] = [
  {
    says: /Torch not compiled with CUDA enabled/,
    cause: 'no_device',
    message: 'the PyTorch of this ComfyUI was built without CUDA',
    hint: 'install a PyTorch for CUDA into its environment, or spawn with --device cpu',
  },
  {
    says: /NVIDIA driver on your system is too old \(found version (\d+)\)/,
    cause: 'driver',
    message: 'the NVIDIA driver is too old for the PyTorch of this ComfyUI',
    hint: 'update the driver, or install a PyTorch for an older CUDA into its environment',
  },
  {
    says: /Found no NVIDIA driver on your system|No (?:CUDA|HIP) GPUs are available|no (?:CUDA|ROCm)-capable device/,
    cause: 'no_device',
    message: 'ComfyUI sees no GPU',
    hint: 'check the driver (nvidia-smi, rocm-smi); see what the hive sees with: rbee hive devices',
  },
  {
    says: /(?:CUDA|HIP) out of memory|torch\.(?:cuda\.)?OutOfMemoryError/,
    cause: 'out_of_memory',
    message: 'the GPU has not enough memory',
    hint: 'spawn with --option vram=lowvram, stop what else uses the GPU, or use a smaller model',
  },
  {
    says: /ModuleNotFoundError: No module named '([^']{1,80})'/,
    cause: 'missing_library',
    message: 'the Python of this ComfyUI lacks {1}',
    hint: "install its requirements: python -m pip install -r requirements.txt, in ComfyUI's own environment",
  },
  {
    says: /ImportError: (\S{1,200}): cannot open shared object file/,
    cause: 'missing_library',
    message: 'ComfyUI needs the library {1}, which is not there',
    hint: 'install that library',
  },
  {
    says: /Port (\d+) is already in use on address/,
    cause: 'port_in_use',
    message: 'port {1} is already in use',
    hint: 'spawn the worker again: another port is chosen',
  },
  {
    says: /\[Errno 98\]|EADDRINUSE|address already in use/i,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: 'spawn the worker again: another port is chosen',
  },
  {
    says: /error: unrecognized arguments: (.{1,300})/,
    cause: 'bad_option',
    message: 'this ComfyUI does not know the arguments {1}',
    hint: 'check --option extra_args; an option of the worker may need a newer ComfyUI',
  },
  {
    says: /error: argument (\S{1,80}): (.{1,300})/,
    cause: 'bad_option',
    message: 'ComfyUI refuses {1}: {2}',
    hint: 'check the options of the worker',
  },
  {
    says: /\[Errno 28\] No space left on device/,
    cause: 'crashed',
    message: 'there is no space left on the disk',
    hint: 'make room where ComfyUI keeps its models, outputs and temporary files',
  },
];

/** How the adapter ends when it cannot start, and what to try. */
const ownCodes: Readonly<Record<number, { cause: FailureCause; hint: string }>> = {
  64: { cause: 'bad_option', hint: 'check the options of the worker' },
  66: { cause: 'missing_model', hint: 'check the path; it is read on the hive' },
  69: {
    cause: 'missing_library',
    hint: 'say where ComfyUI is: --option directory=/path/of/ComfyUI, and --option python=/path/of/its/python',
  },
  98: { cause: 'port_in_use', hint: 'spawn the worker again: another port is chosen' },
};

export const diagnose = (failure: Failure): Diagnosis | undefined => {
  const { log, exit } = failure;
  for (const { says, cause, message, hint } of rules) {
    const found = log.map((line) => says.exec(line.slice(-4000))).find((match) => match !== null);
    if (found) return { cause, message: filled(message, found), hint };
  }
  const said = log
    .findLast((line) => line.startsWith(ownError))
    ?.slice(ownError.length)
    .trim();
  const own = ownCodes[exit?.code ?? -1];
  return own !== undefined && said ? { ...own, message: said } : byExit(failure, said);
};

const ownError = 'comfyui: error: ';

const filled = (message: string, found: RegExpExecArray): string =>
  message.replaceAll(/\{(\d)\}/g, (_, group: string) => found[Number(group)] ?? '');

const byExit = ({ exit, log }: Failure, said: string | undefined): Diagnosis | undefined => {
  if (exit === null) return undefined;
  if (exit.signal === 'SIGKILL' || exit.code === 137) {
    return {
      cause: 'killed',
      message: 'it was killed',
      hint: 'if nobody did that, the system was out of memory: use a smaller model, or stop another worker',
    };
  }
  const hint = 'look at its log; --option custom_nodes=false leaves out what others have added';
  const exception = log.map((line) => raised.exec(line.slice(0, 4000))?.[1]).findLast((text) => text !== undefined);
  if (exception !== undefined)
    return { cause: 'crashed', message: `ComfyUI ended with ${exception.slice(0, 500)}`, hint };
  return said ? { cause: 'crashed', message: said.replace(/^the engine /, 'ComfyUI '), hint } : undefined;
};

/** The last line of a traceback of Python, as the adapter passes it on. */
const raised = /^(?:comfyui: )?((?:\w+\.)*\w*(?:Error|Exception): \S.*)$/;
