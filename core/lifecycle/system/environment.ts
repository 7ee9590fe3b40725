/**
 * The environment of daemons and workers: what a program needs to find its files, libraries, accelerator and network,
 * and nothing else. Secrets of the shell that started the queen do not reach engines.
 */

/** Names that are passed on unchanged. */
const passed = new Set([
  // Who and where
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'HOSTNAME',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'XDG_STATE_HOME',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
  // Where JavaScript engines keep compiled code
  'NODE_COMPILE_CACHE',
  // Libraries
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'DYLD_FALLBACK_LIBRARY_PATH',
  'NIX_LD',
  'NIX_LD_LIBRARY_PATH',
  // The network: proxies and certificates
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'all_proxy',
  'no_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  // Accelerators and their numeric libraries
  'CUDA_HOME',
  'CUDA_PATH',
  'ROCM_PATH',
  'ROCM_HOME',
  'HIP_PATH',
  'GPU_DEVICE_ORDINAL',
  'MKL_NUM_THREADS',
  'OPENBLAS_NUM_THREADS',
  'VK_ICD_FILENAMES',
  'VK_DRIVER_FILES',
  'VK_LAYER_PATH',
  'ONEAPI_ROOT',
  'PYTORCH_ALLOC_CONF',
  'PYTORCH_CUDA_ALLOC_CONF',
  'PYTORCH_HIP_ALLOC_CONF',
]);

/** Prefixes of names: locale, model hub, accelerators. */
const passedPrefixes = [
  'LC_',
  'HF_',
  'CUDA_',
  'NVIDIA_',
  'NCCL_',
  'HIP_',
  'HSA_',
  'ROCR_',
  'ROCM_',
  'AMD_',
  'GGML_',
  'LLAMA_',
  'VLLM_',
  'OMP_',
  'ZE_',
  'SYCL_',
  'ONEAPI_',
];

/**
 * The allowed part of `env`, with `more` on top. RBEE_ variables are never passed on, except through `more`.
 * `alsoPassed` allows further names.
 */
export const cleanEnvironment = (
  env: NodeJS.ProcessEnv,
  more: Readonly<Record<string, string>> = {},
  alsoPassed: (name: string) => boolean = () => false,
): Record<string, string> => {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && (isPassed(name) || alsoPassed(name))) clean[name] = value;
  }
  clean['PATH'] ||= '/usr/local/bin:/usr/bin:/bin';
  return Object.assign(clean, more);
};

const isPassed = (name: string): boolean =>
  passed.has(name) || (!secret.test(name) && passedPrefixes.some((prefix) => name.startsWith(prefix)));

/** Engines get their models as files, and need no token for the hub. */
const secret = /TOKEN|SECRET|PASSWORD|API_KEY/;
