/** The failures of vLLM, by its words. A new word of its is a new row, and one of failures.json. */
import type { FailureCause } from '@rbee/core/contract';

type Sentence = string | ((groups: readonly string[]) => string);

export interface Rule {
  /** What the log holds, without what stands before each line; groups fill `{1}`, `{2}`. */
  says: RegExp;
  cause: FailureCause;
  message: Sentence;
  hint: Sentence;
}

const smaller =
  'choose a smaller or quantized model, or more GPUs (--device cuda:0,1), or less context (--option max_model_len=4096)';
const otherPort = 'spawn the worker again: another port is chosen';
const again = 'download the model again, and compare its files with the source';
const devices = 'see what the hive sees with: rbee hive devices';

/** The share of a GPU that is free, rounded down, and a little less. */
const freeShare = (free: string | undefined, total: string | undefined): string =>
  Math.max(0.01, Math.floor((Number(free) / Number(total)) * 100 - 1) / 100).toFixed(2);

/** The more telling one comes first: vLLM prints several errors, each because of another. */
export const rules: readonly Rule[] = [
  {
    says: /error: unrecognized arguments: (.{1,300})/,
    cause: 'bad_option',
    message: 'this vLLM does not know the arguments {1}',
    hint: 'check --option extra_args; an option of the worker may need a newer vllm (--option engine=venv installs one)',
  },
  {
    says: /error: argument (\S{1,80}): (.{1,300})/,
    cause: 'bad_option',
    message: 'vLLM refuses {1}: {2}',
    hint: 'check the options of the worker',
  },
  {
    says: /Free memory on device (\S+) \(([\d.]+)\/([\d.]+) GiB\) on startup is less than desired GPU memory utilization \(([\d.]+)/,
    cause: 'out_of_memory',
    message: ([device, free, total, wanted]) =>
      `${device} has ${free} of ${total} GiB free, and vLLM was to take ${wanted} of it`,
    hint: ([, free, total]) =>
      `stop what else uses the GPU (nvidia-smi tells), or take less: --option gpu_memory_utilization=${freeShare(free, total)}`,
  },
  {
    says: /max seq len \(([\d,]+)\),\s{0,9}\(?([\d.]+) GiB KV cache is needed,\s[\s\S]{0,80}?cache memory\s\(([\d.]+) GiB\)(?:[\s\S]{0,120}?estimated\smaximum\smodel\slength\sis\s([\d,]+))?/,
    cause: 'out_of_memory',
    message: 'one request of {1} tokens needs {2} GiB of cache, and {3} GiB are left beside the weights',
    hint: ([, , , most = '']) =>
      `give requests less room: --option max_model_len=${most.replaceAll(',', '') || '4096'}; or leave vLLM more memory: --option gpu_memory_utilization=0.95`,
  },
  {
    says: /No available memory for the cache blocks/,
    cause: 'out_of_memory',
    message: 'the weights leave no memory for the cache',
    hint: `give vLLM more of the GPU (--option gpu_memory_utilization=0.95), or ${smaller}`,
  },
  {
    says: /OutOfMemoryError: (?:CUDA|HIP) out of memory\. Tried to allocate ([\d.]+ \w+)(?:[\s\S]{0,200}?GPU (\d+))?/,
    cause: 'out_of_memory',
    message: ([size, gpu = '']) =>
      `the GPU${gpu === '' ? '' : ` ${gpu}`} has not enough memory: ${size} more were needed`,
    hint: `stop what else uses the GPU, or ${smaller}`,
  },
  {
    says: /(?:CUDA|HIP) out of memory|CUDA error: out of memory|hipErrorOutOfMemory/,
    cause: 'out_of_memory',
    message: 'the GPU has not enough memory',
    hint: `stop what else uses the GPU, or ${smaller}`,
  },
  {
    says: /invalid literal for int\(\) with base 10: '((?:GPU|MIG)-[^']{1,80})'/,
    cause: 'no_device',
    message: 'vLLM cannot be bound to {1}: it takes numbers only',
    hint: 'give the device by its number (--device cuda:0), on a GPU that is not in MIG mode',
  },
  {
    says: /NVIDIA driver on your system is too old \(found version (\d+)\)/,
    cause: 'driver',
    message: ([found = '']) =>
      `the NVIDIA driver is too old for this vLLM: it is for CUDA ${Math.floor(Number(found) / 1000)}.${Math.floor((Number(found) % 1000) / 10)}`,
    hint: 'update the driver, or spawn with --variant cuda12, whose vLLM is built for CUDA 12.9',
  },
  {
    says: /CUDA driver version is insufficient for CUDA runtime version/,
    cause: 'driver',
    message: 'the NVIDIA driver is too old for this vLLM',
    hint: 'update the driver, or spawn with --variant cuda12, whose vLLM is built for CUDA 12.9',
  },
  {
    says: /(libcudart\.so\S*|libcudart): cannot open shared object file/,
    cause: 'missing_library',
    message: 'this vLLM is built for another CUDA than its PyTorch: {1} is missing',
    hint: 'let rbee install one that fits (--option engine=venv), with --variant cuda12 for drivers older than CUDA 13',
  },
  {
    says: /ImportError: (\S{1,200}): cannot open shared object file/,
    cause: 'missing_library',
    message: 'vLLM needs the library {1}, which is not there',
    hint: 'install that library, or let rbee install a vLLM of its own: --option engine=venv',
  },
  {
    says: /version `?(GLIBC\w*_[\d.]+)'? not found/,
    cause: 'missing_library',
    message: 'this vLLM is built for a newer system: {1} is missing',
    hint: 'update the system, or use an older vLLM: --option vllm_version=...',
  },
  {
    says: /(libiomp|libtcmalloc) is not found in LD_PRELOAD(?!\. For best)/,
    cause: 'missing_library',
    message: 'this vLLM needs the library {1}, and it was found neither beside it nor on the system',
    hint: 'install it: intel-openmp with pip beside vLLM, libtcmalloc-minimal4 with the package manager',
  },
  {
    says: /ModuleNotFoundError: No module named '(vllm|torch)[^']{0,60}'/,
    cause: 'missing_library',
    message: 'the Python environment of this vLLM is broken: {1} is missing from it',
    hint: 'install vLLM again, or let rbee do it: --option engine=venv',
  },
  {
    says: /no kernel image is available for execution on the device/,
    cause: 'no_device',
    message: 'this vLLM is not built for GPUs of this kind',
    hint: 'vLLM needs compute capability 7.5 (RTX 20, T4) or newer; older ones run llamacpp',
  },
  {
    says: /Failed to infer device type/,
    cause: 'no_device',
    message: 'this vLLM sees no device that it is built for',
    hint: `check the driver (nvidia-smi, rocm-smi) and that this vLLM is built for the device; ${devices}`,
  },
  {
    says: /No (?:CUDA|HIP) GPUs are available|no (?:CUDA|ROCm)-capable device is detected|CUDA driver initialization failed/,
    cause: 'no_device',
    message: 'vLLM sees no GPU',
    hint: `check the driver (nvidia-smi, rocm-smi); ${devices}`,
  },
  {
    says: /World size \((\d+)\) is larger than the number of available GPUs \((\d+)\)/,
    cause: 'bad_option',
    message: 'tensor_parallel times pipeline_parallel is {1}, and the placement has {2} GPUs',
    hint: 'give as many devices (--device cuda:0,1), or leave --option tensor_parallel out',
  },
  {
    says: /Total number of attention heads \((\d+)\) must be divisible by tensor parallel size \((\d+)\)/,
    cause: 'bad_option',
    message: 'the {1} attention heads of this model cannot be divided among {2} GPUs',
    hint: 'use another number of devices, or --option pipeline_parallel for some of them',
  },
  {
    says: /User-specified max_model_len \((\d+)\) is greater than the derived max_model_len \(\D{0,60}=?([\d.]+)/,
    cause: 'bad_option',
    message: 'max_model_len is {1}, and the model was made for {2} tokens',
    hint: 'leave --option max_model_len out, or lower it',
  },
  {
    says: /Bfloat16 is only supported on GPUs with compute capability of at least 8\.0/,
    cause: 'bad_option',
    message: 'this GPU cannot compute with bfloat16, which the model asks for',
    hint: 'spawn with --option dtype=half',
  },
  {
    says: /Unknown quantization method: (.{1,60}?)\.|Quantization method specified in the model config \((\S{1,40})\) does not match/,
    cause: 'bad_option',
    message: ([unknown = '', of = '']) =>
      of === '' ? `vLLM knows no quantization ${unknown}` : `the model is quantized with ${of}, not as the option says`,
    hint: 'leave --option quantization out: the files of the model tell',
  },
  {
    says: /trust_remote_code=True|requires you to execute (?:the|custom) (?:configuration|code)/,
    cause: 'bad_option',
    message: 'this model comes with Python code of its own, which is not run unless it is allowed',
    hint: 'if you trust its author: --option trust_remote_code=true',
  },
  {
    says: /Model architectures (\[[^\]]{1,200}\]) are not supported for now/,
    cause: 'unsupported_model',
    message: 'this vLLM does not know the model architecture {1}',
    hint: 'use a newer vLLM (--option vllm_version=...), or another model',
  },
  {
    says: /Model architectures (\[[^\]]{1,200}\]) failed to be inspected/,
    cause: 'unsupported_model',
    message: 'this vLLM cannot load the model architecture {1}',
    hint: 'its log says why; it may be the model, or a vLLM that does not fit the driver',
  },
  {
    says: /does not recognize this architecture|model type `([^`]{1,60})` but Transformers does not/,
    cause: 'unsupported_model',
    message: 'the model is of a kind that this vLLM does not know',
    hint: 'use a newer vLLM (--option vllm_version=...), or another model',
  },
  {
    says: /does not appear to have a file named (\S{1,100})\.|Can't load the configuration of|Invalid repository ID or local directory specified|No such file or directory: '?\S{0,300}?(config\.json|tokenizer\S{0,20}\.json)/,
    cause: 'bad_model',
    message: 'the folder of the model is not whole: config.json or another of its files is missing',
    hint: 'give the folder that holds config.json, the tokenizer and the .safetensors files; or download it again',
  },
  {
    says: /config\.json['"]? is not a valid JSON|is not a valid JSON file/,
    cause: 'bad_model',
    message: 'a file of the model that should be JSON is damaged',
    hint: again,
  },
  {
    says: /SafetensorError: (.{1,200})|Error while deserializing header/,
    cause: 'bad_model',
    message: 'a weights file of the model is damaged or cut off',
    hint: again,
  },
  {
    says: /Cannot find any model weights with/,
    cause: 'missing_model',
    message: 'the folder of the model holds no weights',
    hint: again,
  },
  {
    says: /Can't load tokenizer for|Couldn't instantiate the backend tokenizer/,
    cause: 'bad_model',
    message: 'the tokenizer of the model is missing or damaged',
    hint: again,
  },
  {
    says: /No adapter found for|adapter_config\.json/,
    cause: 'bad_option',
    message: 'a LoRA adapter was not found',
    hint: 'check --option lora_modules: name=/absolute/path of a folder on the hive that holds adapter_config.json',
  },
  {
    says: /LoRA rank (\d+) is greater than max_lora_rank (\d+)/,
    cause: 'bad_option',
    message: 'a LoRA adapter has rank {1}, and {2} is allowed',
    hint: 'spawn with a higher --option max_lora_rank',
  },
  {
    says: /invalid tool call parser: (\S{1,80})|invalid reasoning parser: (\S{1,80})/,
    cause: 'bad_option',
    message: 'vLLM knows no parser {1}{2}',
    hint: 'its log lists those that it knows',
  },
  {
    says: /supplied chat template .{0,200}(?:looks like a file path|does not exist)/,
    cause: 'bad_option',
    message: 'the chat template was not found',
    hint: 'give the absolute path of a file on the hive, or the template itself',
  },
  {
    says: /\[Errno 98\] (?:error while attempting to bind on address)?|address already in use/i,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: otherPort,
  },
  {
    says: /\[Errno 28\] No space left on device(?:: '([^']{1,200})')?/,
    cause: 'crashed',
    message: ([path = '']) => `there is no space left on the disk${path === '' ? '' : ` for ${path}`}`,
    hint: 'make room; vLLM keeps compiled programs in ~/.cache/vllm, and shares memory through /dev/shm',
  },
  {
    says: /NCCL error|ncclSystemError|ncclUnhandledCudaError/,
    cause: 'driver',
    message: 'the GPUs could not talk to each other (NCCL)',
    hint: 'look at its log; NCCL_P2P_DISABLE=1 in the environment of the hive helps where GPUs do not reach each other',
  },
  {
    says: /exit ?codes?:? ?-9\b|died with <Signals\.SIGKILL|exitcode 9\b/i,
    cause: 'killed',
    message: 'a process of vLLM was killed',
    hint: 'if nobody did that, the system was out of memory: choose a smaller model, or stop another worker',
  },
  {
    says: /CUDA error: (.{1,200})|HIP error: (.{1,200})/,
    cause: 'driver',
    message: 'the GPU failed: {1}{2}',
    hint: 'look at the log of the worker and of the kernel (dmesg); a restart often helps',
  },
  {
    says: /MemoryError|Cannot allocate memory|std::bad_alloc/,
    cause: 'out_of_memory',
    message: 'there is not enough main memory',
    hint: 'stop another worker, or choose a smaller model',
  },
];
