/** The part of llama-server's command line and environment that the stand-in knows, with llama-server's error messages. */

export interface StandInArguments {
  model: string | undefined;
  aliases: readonly string[];
  host: string;
  port: number;
  /** Tokens per slot. */
  slotContext: number;
  slots: number;
  apiKey: string | undefined;
  metrics: boolean;
  embeddings: boolean;
  rerank: boolean;
  pingMs: number;
  listDevices: boolean;
  version: boolean;
  help: boolean;
  /** From `--load-mode` or the older flags. */
  loadMode: string;
}

/** A build with `--load-mode` (`new`), only the older flags (`old`), or both (`between`). */
export type StandInBuild = 'old' | 'between' | 'new';

/** The names of each flag; flags in the first table take a value. */
const withValue = [
  ['--model', '-m'],
  ['--alias', '-a'],
  ['--host'],
  ['--port'],
  ['--ctx-size', '-c'],
  ['--parallel', '-np'],
  ['--batch-size', '-b'],
  ['--ubatch-size', '-ub'],
  ['--threads', '-t'],
  ['--threads-http'],
  ['--device', '-dev'],
  ['--gpu-layers', '-ngl'],
  ['--cache-type-k', '-ctk'],
  ['--cache-type-v', '-ctv'],
  ['--flash-attn', '-fa'],
  ['--pooling'],
  ['--chat-template'],
  ['--sse-ping-interval'],
];
const switches = [
  ['--metrics'],
  ['--embeddings', '--embedding'],
  ['--rerank', '--reranking'],
  ['--help', '-h', '--usage'],
  ['--no-ui', '--no-webui'],
  ['--list-devices'],
  ['--version'],
];

/** The flags of a build, each as a list of names. */
const flagsOf = (build: StandInBuild) => ({
  withValue: build === 'old' ? withValue : [...withValue, ['--load-mode', '-lm']],
  switches: build === 'new' ? switches : [...switches, ['--mmap', '--no-mmap'], ['--mlock']],
});

/** The help in llama-server's format: flags at the start of a line, descriptions from column 40. */
export const helpOf = (build: StandInBuild): string => {
  const { withValue: valued, switches: plain } = flagsOf(build);
  const entry = (names: readonly string[], hint: string, text: string) => {
    const [long = '', short] = names;
    const flags = short?.startsWith('--') ? names.join(', ') : short ? `${`${short},`.padEnd(7)}${long}` : long;
    return `${`${flags}${hint}`.padEnd(39)} ${text}\n${' '.repeat(40)}(env: LLAMA_ARG_X, replaces --no-such-flag)`;
  };
  return [
    '----- common params -----\n',
    ...valued.map((names) => entry(names, ' N', 'a value')),
    ...plain.map((names) => entry(names, '', 'a switch')),
    entry(['--draft-max', '--draft'], ' N', 'the argument has been removed. use --spec-draft-n-max'),
  ].join('\n');
};

/** Its message goes to stderr, and the program exits with 1. */
export class Refused extends Error {}

/** `devices` are the names of the pretended GPUs. */
export const readStandInArguments = (
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  devices: readonly string[],
  build: StandInBuild = 'between',
): StandInArguments => {
  const known = flagsOf(build);
  const given = new Map<string, string>();
  const rest = [...argv];
  while (rest.length > 0) {
    const flag = rest.shift() as string;
    const valued = known.withValue.find((names) => names.includes(flag))?.[0];
    const plain = known.switches.find((names) => names.includes(flag));
    if (valued === undefined && plain === undefined) throw new Refused(`error: invalid argument: ${flag}`);
    const value = valued === undefined ? 'true' : rest.shift();
    if (value === undefined) throw new Refused(`error while handling argument "${flag}": expected value for argument`);
    given.set(valued ?? (flag === '--no-mmap' ? flag : (plain?.[0] as string)), value);
  }
  for (const name of (given.get('--device') ?? 'none').split(',')) {
    if (name !== 'none' && !devices.some((device) => device.toLowerCase() === name.toLowerCase())) {
      throw new Refused(
        `error while handling argument "--device": invalid device: ${name}\n\nusage:\n-dev,  --device <dev1,dev2,..>`,
      );
    }
  }
  const number = (flag: string, fallback: number) => {
    const text = given.get(flag);
    if (text === undefined) return fallback;
    if (!/^-?\d+/.test(text)) throw new Refused(`error while handling argument "${flag}": stoi\n\nusage:\n${flag} N`);
    return Number.parseInt(text, 10);
  };
  const slots = number('--parallel', 4);
  return {
    model: given.get('--model'),
    aliases: (given.get('--alias') ?? '').split(',').filter((alias) => alias !== ''),
    host: given.get('--host') ?? '127.0.0.1',
    port: number('--port', 8080),
    slotContext: Math.floor(number('--ctx-size', 4096) / slots),
    slots,
    apiKey: env['LLAMA_API_KEY'],
    metrics: given.has('--metrics'),
    embeddings: given.has('--embeddings'),
    rerank: given.has('--rerank'),
    pingMs: number('--sse-ping-interval', Number(env['LLAMA_ARG_SSE_PING_INTERVAL'] ?? 30)) * 1000,
    listDevices: given.has('--list-devices'),
    version: given.has('--version'),
    help: given.has('--help'),
    loadMode:
      given.get('--load-mode') ??
      ([given.has('--no-mmap') ? [] : 'mmap', given.has('--mlock') ? 'mlock' : []].flat().join('+') || 'none'),
  };
};
