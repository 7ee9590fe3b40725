/** `rbee worker spawn` */
import * as Flags from '@oclif/core/flags';
import type { WorkerSpawnInput } from '../../../contract/operations.ts';
import { QueenCommand } from '../../base.ts';
import { parseComponents } from '../../components.ts';
import { absoluteModel, parseMemory, parseNumber, parseOptions, parseVariables, parseWord } from '../../spawn-input.ts';
import { formatSpawned } from '../../views/workers.ts';
import { detachFlag } from '../../worker-change.ts';

const help = 'rbee worker spawn --help';

export default class WorkerSpawn extends QueenCommand {
  static override summary = 'Start a worker and wait until it is ready.';
  static override description =
    'What is left out is chosen and said: the best free device, the variant that fits it, the model.';
  static override examples = [
    {
      description: 'Try it with the tiny model that comes with it',
      command: 'rbee worker spawn --type llamacpp --model demo',
    },
    {
      description: 'A model of the Hugging Face hub, downloaded if it is not here',
      command: 'rbee worker spawn --type llamacpp --model hf:Qwen/Qwen3-0.6B-GGUF',
    },
    { description: 'On the first GPU', command: 'rbee worker spawn --type llamacpp --device cuda:0' },
    {
      description: 'A model file, under a name of its own, with options of the engine',
      command: 'rbee worker spawn --type llamacpp --model ./qwen3-0.6b.gguf --name qwen --option context=8192',
    },
    {
      description: 'With a secret that was stored by: rbee secret set comfy-key',
      command: 'rbee worker spawn --type comfyui --option comfy_org_key=secret:comfy-key',
    },
    {
      description: 'With limits, without waiting',
      command: 'rbee worker spawn --type llamacpp --model demo --memory-limit 4GiB --cpu-limit 2 --detach',
    },
  ];
  static override flags = {
    type: Flags.string({ char: 't', required: true, description: 'Worker type, such as llamacpp' }),
    device: Flags.string({ description: 'cpu, cuda:0, cuda:0,1, …; the best free one when absent' }),
    variant: Flags.string({ description: 'Build of the type: cpu, cuda, rocm, vulkan, metal' }),
    model: Flags.string({
      char: 'm',
      description: 'hf:org/repo[:quantization], https://…, file:/path on the hive, a path here, or demo',
    }),
    component: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Part of the model beside the main one, such as mmproj or vae',
      helpValue: '<name=reference>',
    }),
    name: Flags.string({ description: 'Name under which the model is served' }),
    id: Flags.string({ description: 'Id of the worker; made up when absent' }),
    option: Flags.string({
      char: 'o',
      multiple: true,
      multipleNonGreedy: true,
      description: "The type's own options; a list is written a,b or given several times",
      helpValue: '<key=value>',
    }),
    env: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Variable for the engine, of those that its type lets through; secret:NAME is a stored secret',
      helpValue: '<NAME=value>',
    }),
    restart: Flags.string({
      options: ['never', 'on-failure', 'always'] as const,
      description: 'When it is started again by itself [default: on-failure]',
    }),
    'memory-limit': Flags.string({ description: 'Main memory that it may use', helpValue: '4GiB' }),
    'cpu-limit': Flags.string({ description: 'CPU cores that it may use', helpValue: '2' }),
    hive: Flags.string({ char: 'H', description: 'Hive to run on; the local one when absent' }),
    force: Flags.boolean({ description: 'Even if the memory estimate says that it will not fit' }),
    ...detachFlag,
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(WorkerSpawn);
    // Where nobody sits at the terminal nobody would answer.
    const ask = process.stdin.isTTY === true && !flags.detach;
    const input = { ...spawnInput(flags as SpawnFlags, process.cwd()), ...(ask && { ask }) };
    const queen = await this.queen(flags);
    if (flags.detach) return this.detachJob(queen, 'worker_spawn', input);
    const worker = await this.runJob(queen, 'worker_spawn', input);
    this.print(worker, formatSpawned);
    return worker;
  }
}

interface SpawnFlags {
  type: string;
  device?: string;
  variant?: string;
  model?: string;
  component?: readonly string[];
  name?: string;
  id?: string;
  option?: readonly string[];
  env?: readonly string[];
  restart?: 'never' | 'on-failure' | 'always';
  'memory-limit'?: string;
  'cpu-limit'?: string;
  hive?: string;
  force?: boolean;
}

/** What the queen is asked for; absent stays absent. */
export const spawnInput = (flags: SpawnFlags, cwd: string): WorkerSpawnInput => {
  const { type, device, variant, name, id, restart, hive, model, component, option, env } = flags;
  const memory = flags['memory-limit'];
  const cpu = flags['cpu-limit'];
  const input = {
    type,
    device,
    variant,
    name: name === undefined ? undefined : parseWord('name', name, help),
    id: id === undefined ? undefined : parseWord('id', id, help),
    restart,
    hive,
    model: model === undefined ? undefined : absoluteModel(model, hive, cwd),
    components: component === undefined ? undefined : parseComponents(component, { hive, cwd, help }),
    options: option === undefined ? undefined : parseOptions(option, help),
    environment: env === undefined ? undefined : parseVariables(env, help),
    memoryLimit: memory === undefined ? undefined : parseMemory(memory, help),
    cpuLimit: cpu === undefined ? undefined : parseNumber('cpu-limit', cpu, help, { least: 0.01, most: 4096 }),
    force: flags.force || undefined,
  };
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as WorkerSpawnInput;
};
