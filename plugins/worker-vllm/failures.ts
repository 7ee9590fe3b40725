/** What the last lines of vLLM's log mean. For a new failure, add a rule here and a log in failures.json. */
import type { FailureRule } from '@rbee/contract';

const smaller =
  'choose a smaller or quantized model, or more GPUs (--device cuda:0,1), or less context (--option max_model_len=4096)';
const otherPort = 'spawn the worker again: another port is chosen';
const again = 'download the model again, and compare its files with the source';
const moreSpace = 'make room; vLLM keeps compiled programs in ~/.cache/vllm, and shares memory through /dev/shm';
const devices = 'see what the hive sees with: rbee hive devices';

/** Specific rules come first: vLLM prints several errors, each caused by another. */
export const failures: readonly FailureRule[] = [
  {
    pattern: /error: unrecognized arguments: (.{1,300})/,
    cause: 'bad_option',
    message: 'this vLLM does not know the arguments {1}',
    hint: 'check --option extra_args; an option of the worker may need a newer vllm (--option engine=venv installs one)',
  },
  {
    pattern: /error: argument (\S{1,80}): (.{1,300})/,
    cause: 'bad_option',
    message: 'vLLM refuses {1}: {2}',
    hint: 'check the options of the worker',
  },
  {
    pattern: /No available memory for the cache blocks/,
    cause: 'out_of_memory',
    message: 'the weights leave no memory for the cache',
    hint: `give vLLM more of the GPU (--option gpu_memory_utilization=0.95), or ${smaller}`,
  },
  {
    pattern: /OutOfMemoryError: (?:CUDA|HIP) out of memory\. Tried to allocate ([\d.]+ \w+).{0,200}? (GPU \d+)/,
    cause: 'out_of_memory',
    message: 'the {2} has not enough memory: {1} more were needed',
    hint: `stop what else uses the GPU, or ${smaller}`,
  },
  {
    pattern: /OutOfMemoryError: (?:CUDA|HIP) out of memory\. Tried to allocate ([\d.]+ \w+)/,
    cause: 'out_of_memory',
    message: 'the GPU has not enough memory: {1} more were needed',
    hint: `stop what else uses the GPU, or ${smaller}`,
  },
  {
    pattern: /(?:CUDA|HIP) out of memory|CUDA error: out of memory|hipErrorOutOfMemory/,
    cause: 'out_of_memory',
    message: 'the GPU has not enough memory',
    hint: `stop what else uses the GPU, or ${smaller}`,
  },
  {
    pattern: /invalid literal for int\(\) with base 10: '((?:GPU|MIG)-[^']{1,80})'/,
    cause: 'no_device',
    message: 'vLLM cannot be bound to {1}: it takes numbers only',
    hint: 'give the device by its number (--device cuda:0), on a GPU that is not in MIG mode',
  },
  {
    pattern: /NVIDIA driver on your system is too old \(found version (\d{2})0(\d)0\)/,
    cause: 'driver',
    message: 'the NVIDIA driver is too old for this vLLM: it is for CUDA {1}.{2}',
    hint: 'update the driver, or spawn with --variant cuda12, whose vLLM is built for CUDA 12.9',
  },
  {
    pattern: /CUDA driver version is insufficient for CUDA runtime version/,
    cause: 'driver',
    message: 'the NVIDIA driver is too old for this vLLM',
    hint: 'update the driver, or spawn with --variant cuda12, whose vLLM is built for CUDA 12.9',
  },
  {
    pattern: /(libcudart\.so\S*|libcudart): cannot open shared object file/,
    cause: 'missing_library',
    message: 'vLLM and PyTorch are built for different CUDA versions: {1} is missing',
    hint: 'let rbee install one that fits (--option engine=venv), with --variant cuda12 for drivers older than CUDA 13',
  },
  {
    pattern: /ImportError: (\S{1,200}): cannot open shared object file/,
    cause: 'missing_library',
    message: 'vLLM needs the library {1}, which is not there',
    hint: 'install that library, or let rbee install vLLM: --option engine=venv',
  },
  {
    pattern: /version `?(GLIBC\w*_[\d.]+)'? not found/,
    cause: 'missing_library',
    message: 'this vLLM is built for a newer system: {1} is missing',
    hint: 'update the system, or use an older vLLM: --option vllm_version=...',
  },
  {
    pattern: /(libiomp|libtcmalloc) is not found in LD_PRELOAD(?!\. For best)/,
    cause: 'missing_library',
    message: 'this vLLM needs the library {1}, and it was found neither beside it nor on the system',
    hint: 'install it: intel-openmp with pip beside vLLM, libtcmalloc-minimal4 with the package manager',
  },
  {
    pattern: /ModuleNotFoundError: No module named '(vllm|torch)[^']{0,60}'/,
    cause: 'missing_library',
    message: 'the Python environment of this vLLM is broken: {1} is missing from it',
    hint: 'install vLLM again, or let rbee do it: --option engine=venv',
  },
  {
    pattern: /no kernel image is available for execution on the device/,
    cause: 'no_device',
    message: 'this vLLM is not built for GPUs of this kind',
    hint: 'vLLM needs compute capability 7.5 (RTX 20, T4) or newer; older ones run llamacpp',
  },
  {
    pattern: /Failed to infer device type/,
    cause: 'no_device',
    message: 'this vLLM sees no device that it is built for',
    hint: `check the driver (nvidia-smi, rocm-smi) and that this vLLM is built for the device; ${devices}`,
  },
  {
    pattern:
      /No (?:CUDA|HIP) GPUs are available|no (?:CUDA|ROCm)-capable device is detected|CUDA driver initialization failed/,
    cause: 'no_device',
    message: 'vLLM sees no GPU',
    hint: `check the driver (nvidia-smi, rocm-smi); ${devices}`,
  },
  {
    pattern: /World size \((\d+)\) is larger than the number of available GPUs \((\d+)\)/,
    cause: 'bad_option',
    message: 'tensor_parallel times pipeline_parallel is {1}, and the placement has {2} GPUs',
    hint: 'give as many devices (--device cuda:0,1), or leave --option tensor_parallel out',
  },
  {
    pattern: /Total number of attention heads \((\d+)\) must be divisible by tensor parallel size \((\d+)\)/,
    cause: 'bad_option',
    message: 'the {1} attention heads of this model cannot be divided among {2} GPUs',
    hint: 'use another number of devices, or --option pipeline_parallel for some of them',
  },
  {
    pattern: /User-specified max_model_len \((\d+)\) is greater than the derived max_model_len \(\D{0,60}=?([\d.]+)/,
    cause: 'bad_option',
    message: 'max_model_len is {1}, and the model was made for {2} tokens',
    hint: 'leave --option max_model_len out, or lower it',
  },
  {
    pattern: /Bfloat16 is only supported on GPUs with compute capability of at least 8\.0/,
    cause: 'bad_option',
    message: 'this GPU cannot compute with bfloat16, which the model asks for',
    hint: 'spawn with --option dtype=half',
  },
  {
    pattern: /Unknown quantization method: (.{1,60}?)\./,
    cause: 'bad_option',
    message: 'vLLM knows no quantization {1}',
    hint: "leave --option quantization out: vLLM reads it from the model's files",
  },
  {
    pattern: /Quantization method specified in the model config \((\S{1,40})\) does not match/,
    cause: 'bad_option',
    message: 'the model is quantized with {1}, not as the option says',
    hint: "leave --option quantization out: vLLM reads it from the model's files",
  },
  {
    pattern: /trust_remote_code=True|requires you to execute (?:the|custom) (?:configuration|code)/,
    cause: 'bad_option',
    message: 'this model contains Python code, which runs only if you allow it',
    hint: 'if you trust its author: --option trust_remote_code=true',
  },
  {
    pattern: /Model architectures (\[[^\]]{1,200}\]) are not supported for now/,
    cause: 'unsupported_model',
    message: 'this vLLM does not know the model architecture {1}',
    hint: 'use a newer vLLM (--option vllm_version=...), or another model',
  },
  {
    pattern: /Model architectures (\[[^\]]{1,200}\]) failed to be inspected/,
    cause: 'unsupported_model',
    message: 'this vLLM cannot load the model architecture {1}',
    hint: 'its log says why; it may be the model, or a vLLM that does not fit the driver',
  },
  {
    pattern: /does not recognize this architecture|model type `([^`]{1,60})` but Transformers does not/,
    cause: 'unsupported_model',
    message: 'the model is of a kind that this vLLM does not know',
    hint: 'use a newer vLLM (--option vllm_version=...), or another model',
  },
  {
    pattern:
      /does not appear to have a file named (\S{1,100})\.|Can't load the configuration of|Invalid repository ID or local directory specified|No such file or directory: '?\S{0,300}?(config\.json|tokenizer\S{0,20}\.json)/,
    cause: 'bad_model',
    message: 'the folder of the model is not whole: config.json or another of its files is missing',
    hint: 'give the folder that holds config.json, the tokenizer and the .safetensors files; or download it again',
  },
  {
    pattern: /config\.json['"]? is not a valid JSON|is not a valid JSON file/,
    cause: 'bad_model',
    message: 'a file of the model that should be JSON is damaged',
    hint: again,
  },
  {
    pattern: /SafetensorError: (.{1,200})|Error while deserializing header/,
    cause: 'bad_model',
    message: 'a weights file of the model is damaged or cut off',
    hint: again,
  },
  {
    pattern: /Cannot find any model weights with/,
    cause: 'missing_model',
    message: 'the folder of the model holds no weights',
    hint: again,
  },
  {
    pattern: /Can't load tokenizer for|Couldn't instantiate the backend tokenizer/,
    cause: 'bad_model',
    message: 'the tokenizer of the model is missing or damaged',
    hint: again,
  },
  {
    pattern: /No adapter found for|adapter_config\.json/,
    cause: 'bad_option',
    message: 'a LoRA adapter was not found',
    hint: 'check --option lora_modules: name=/absolute/path of a folder on the hive that holds adapter_config.json',
  },
  {
    pattern: /LoRA rank (\d+) is greater than max_lora_rank (\d+)/,
    cause: 'bad_option',
    message: 'a LoRA adapter has rank {1}, and {2} is allowed',
    hint: 'spawn with a higher --option max_lora_rank',
  },
  {
    pattern: /invalid tool call parser: (\S{1,80})|invalid reasoning parser: (\S{1,80})/,
    cause: 'bad_option',
    message: 'vLLM knows no parser {1}{2}',
    hint: 'its log lists those that it knows',
  },
  {
    pattern: /supplied chat template .{0,200}(?:looks like a file path|does not exist)/,
    cause: 'bad_option',
    message: 'the chat template was not found',
    hint: 'give the absolute path of a file on the hive, or the template itself',
  },
  {
    pattern: /\[Errno 98\] (?:error while attempting to bind on address)?|address already in use/i,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: otherPort,
  },
  {
    pattern: /\[Errno 28\] No space left on device: '([^']{1,200})'/,
    cause: 'crashed',
    message: 'there is no space left on the disk for {1}',
    hint: moreSpace,
  },
  {
    pattern: /\[Errno 28\] No space left on device/,
    cause: 'crashed',
    message: 'there is no space left on the disk',
    hint: moreSpace,
  },
  {
    pattern: /NCCL error|ncclSystemError|ncclUnhandledCudaError/,
    cause: 'driver',
    message: 'the GPUs could not talk to each other (NCCL)',
    hint: 'look at its log; NCCL_P2P_DISABLE=1 in the environment of the hive helps where GPUs do not reach each other',
  },
  {
    pattern: /exit ?codes?:? ?-9\b|died with <Signals\.SIGKILL|exitcode 9\b/i,
    cause: 'killed',
    message: 'a process of vLLM was killed',
    hint: 'if you did not stop it, the system was out of memory: choose a smaller model, or stop another worker',
  },
  {
    pattern: /CUDA error: (.{1,200})|HIP error: (.{1,200})/,
    cause: 'driver',
    message: 'the GPU failed: {1}{2}',
    hint: 'look at the log of the worker and of the kernel (dmesg); a restart often helps',
  },
  {
    pattern: /MemoryError|Cannot allocate memory|std::bad_alloc/,
    cause: 'out_of_memory',
    message: 'there is not enough main memory',
    hint: 'stop another worker, or choose a smaller model',
  },
];
