/** Checks the arguments that users add to the command line. */

/** Arguments that rbee sets, that expose more than the model or to more than this machine, or that run foreign code. */
const refused = [
  'model model-tag host port uds api-key served-model-name root-path config headless grpc data-parallel-address',
  'tensor-parallel-size pipeline-parallel-size gpu-memory-utilization kv-cache-memory-bytes cpu-offload-gb',
  'kv-cache-dtype max-model-len max-num-seqs max-num-batched-tokens enable-prefix-caching no-enable-prefix-caching',
  'enforce-eager no-enforce-eager enable-sleep-mode no-enable-sleep-mode dtype quantization runner convert task device',
  'trust-remote-code no-trust-remote-code enable-lora no-enable-lora lora-modules max-lora-rank chat-template',
  'enable-auto-tool-choice no-enable-auto-tool-choice tool-call-parser reasoning-parser',
  'disable-uvicorn-access-log no-disable-uvicorn-access-log disable-log-stats',
  'ssl-keyfile ssl-certfile ssl-ca-certs ssl-cert-reqs enable-ssl-refresh',
  'middleware tool-parser-plugin reasoning-parser-plugin logits-processors worker-cls worker-extension-cls',
  'distributed-executor-backend allowed-local-media-path allowed-media-domains download-dir hf-token revision',
  'log-config-file uvicorn-log-level help version',
].flatMap((line) => line.split(' '));
const refusedShort = new Set(['-tp', '-pp', '-dpa', '-q', '-h', '-v']);

/** Returns the arguments unchanged. Throws for a forbidden one, also if abbreviated, because argparse accepts that. */
export const allowed = (args: readonly string[]): readonly string[] => {
  for (const arg of args) {
    const [flag = ''] = arg.split('=', 1);
    if (isRefused(flag)) throw new Error(`extra_args cannot contain ${flag}: rbee sets or forbids it`);
  }
  return args;
};

const isRefused = (flag: string): boolean => {
  if (!flag.startsWith('--')) return refusedShort.has(flag);
  // `--a_b` means `--a-b`, and `--a.b` sets a part of `--a`.
  const [name = ''] = flag.slice(2).replaceAll('_', '-').split('.', 1);
  return refused.some((known) => known.startsWith(name));
};
