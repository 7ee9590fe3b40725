/** The part of vLLM's command line that the stand-in knows, with argparse's error messages. */

export interface StandInArguments {
  model: string;
  names: readonly string[];
  host: string;
  port: number;
  maxModelLen: number | null;
  sleepMode: boolean;
  loras: readonly string[];
  tensorParallel: number;
}

/** The value type of each flag. */
const flags: Readonly<Record<string, 'text' | 'int' | 'float' | 'list' | 'switch'>> = {
  '--host': 'text',
  '--port': 'int',
  '--served-model-name': 'list',
  '--tensor-parallel-size': 'int',
  '--pipeline-parallel-size': 'int',
  '--gpu-memory-utilization': 'float',
  '--kv-cache-memory-bytes': 'text',
  '--cpu-offload-gb': 'float',
  '--kv-cache-dtype': 'text',
  '--max-model-len': 'int',
  '--max-num-seqs': 'int',
  '--max-num-batched-tokens': 'int',
  '--enable-prefix-caching': 'switch',
  '--no-enable-prefix-caching': 'switch',
  '--enforce-eager': 'switch',
  '--enable-sleep-mode': 'switch',
  '--dtype': 'text',
  '--quantization': 'text',
  '--runner': 'text',
  '--convert': 'text',
  '--trust-remote-code': 'switch',
  '--enable-lora': 'switch',
  '--lora-modules': 'list',
  '--max-lora-rank': 'int',
  '--chat-template': 'text',
  '--enable-auto-tool-choice': 'switch',
  '--tool-call-parser': 'text',
  '--reasoning-parser': 'text',
  '--disable-uvicorn-access-log': 'switch',
  '--seed': 'int',
};
const choices: Readonly<Record<string, readonly string[]>> = {
  '--dtype': ['auto', 'bfloat16', 'float', 'float16', 'float32', 'half'],
  '--runner': ['auto', 'draft', 'generate', 'pooling'],
};

/** Its message goes to stderr, and the program exits with 2. */
export class Refused extends Error {}

const isFlag = (word: string): boolean => /^--?[a-zA-Z]/.test(word);

export const readStandInArguments = (argv: readonly string[]): StandInArguments => {
  const given = new Map<string, string[]>();
  const positional: string[] = [];
  const unknown: string[] = [];
  const rest = [...argv];
  while (rest.length > 0) {
    const word = rest.shift() as string;
    if (!isFlag(word)) {
      positional.push(word);
      continue;
    }
    const at = word.indexOf('=');
    const flag = at === -1 ? word : word.slice(0, at);
    const attached = at === -1 ? [] : [word.slice(at + 1)];
    const kind = flags[flag];
    if (kind === undefined) {
      unknown.push(word);
      continue;
    }
    const values = attached;
    if (kind === 'list') while (rest.length > 0 && !isFlag(rest[0] as string)) values.push(rest.shift() as string);
    else if (kind !== 'switch' && values.length === 0 && rest.length > 0 && !isFlag(rest[0] as string)) {
      values.push(rest.shift() as string);
    }
    check(flag, kind, values);
    given.set(flag, values);
  }
  const [model, ...more] = positional;
  if (unknown.length + more.length > 0) throw new Refused(`unrecognized arguments: ${[...more, ...unknown].join(' ')}`);
  const text = (flag: string) => given.get(flag)?.[0];
  return {
    model: model ?? '',
    names: given.get('--served-model-name') ?? [model ?? ''],
    host: text('--host') ?? '0.0.0.0',
    port: Number(text('--port') ?? 8000),
    maxModelLen: text('--max-model-len') === undefined ? null : Number(text('--max-model-len')),
    sleepMode: given.has('--enable-sleep-mode'),
    loras: (given.get('--lora-modules') ?? []).map((module) => (JSON.parse(module) as { name: string }).name),
    tensorParallel: Number(text('--tensor-parallel-size') ?? 1),
  };
};

const check = (flag: string, kind: string, values: readonly string[]): void => {
  if (kind === 'switch') {
    if (values.length > 0) throw new Refused(`argument ${flag}: ignored explicit argument '${values[0]}'`);
    return;
  }
  if (values.length === 0)
    throw new Refused(`argument ${flag}: expected ${kind === 'list' ? 'at least ' : ''}one argument`);
  const [value = ''] = values;
  if (kind === 'int' && !/^-?\d+$/.test(value)) throw new Refused(`argument ${flag}: invalid int value: '${value}'`);
  if (kind === 'float' && !Number.isFinite(Number(value))) {
    throw new Refused(`argument ${flag}: invalid float value: '${value}'`);
  }
  const known = choices[flag];
  if (known !== undefined && !known.includes(value)) {
    throw new Refused(`argument ${flag}: invalid choice: '${value}' (choose from ${known.join(', ')})`);
  }
};
