/** `rbee worker spawn` */
import * as Flags from '@oclif/core/flags';
import type { WorkerSpawnInput } from '../../../contract/api/operations.ts';
import { QueenCommand } from '../../base.ts';
import { parseComponents } from '../../components.ts';
import { absoluteModel, parseMemory, parseNumber, parseOptions, parseVariables, parseWord } from '../../spawn-input.ts';
import { formatSpawned } from '../../views/workers.ts';
import { detachFlag } from '../../worker-change.ts';

const help = 'rbee worker spawn --help';

export default class WorkerSpawn extends QueenCommand {
  static override summary = 'Start a worker and wait until it is ready.';
  static override description =
    'rbee chooses what you leave out and shows its choice: the best free device, a matching variant, the model.';
  static override examples = [
    {
      description: 'Try the tiny demo model of the type',
      command: 'rbee worker spawn --type llamacpp --model demo',
    },
    {
      description: 'A model from the Hugging Face hub, downloaded if needed',
      command: 'rbee worker spawn --type llamacpp --model hf:Qwen/Qwen3-0.6B-GGUF',
    },
    { description: 'On the first GPU', command: 'rbee worker spawn --type llamacpp --device cuda:0' },
    {
      description: 'A model file, with a name and engine options',
      command: 'rbee worker spawn --type llamacpp --model ./qwen3-0.6b.gguf --name qwen --option context=8192',
    },
    {
      description: 'With a secret stored with: rbee secret set comfy-key',
      command: 'rbee worker spawn --type comfyui --option comfy_org_key=secret:comfy-key',
    },
    {
      description: 'With resource limits, without waiting',
      command: 'rbee worker spawn --type llamacpp --model demo --memory-limit 4GiB --cpu-limit 2 --detach',
    },
  ];
  static override flags = {
    type: Flags.string({
      char: 't',
      required: true,
      description: 'Worker type, such as llamacpp',
      helpValue: '<type>',
    }),
    device: Flags.string({
      description: 'cpu, cuda:0, cuda:0,1, … [default: the best free device]',
      helpValue: '<device>',
    }),
    variant: Flags.string({ description: 'Build of the type: cpu, cuda, rocm, vulkan, metal', helpValue: '<variant>' }),
    model: Flags.string({
      char: 'm',
      description: 'hf:org/repo[:quantization], https://…, file:/path on the hive, a local path, or demo',
      helpValue: '<model>',
    }),
    component: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Additional model component, such as mmproj or vae',
      helpValue: '<name=reference>',
    }),
    name: Flags.string({ description: 'Name under which the model is served', helpValue: '<name>' }),
    id: Flags.string({ description: 'Id of the worker [default: generated]', helpValue: '<id>' }),
    option: Flags.string({
      char: 'o',
      multiple: true,
      multipleNonGreedy: true,
      description: 'Option of the worker type; write a list as a,b or repeat the flag',
      helpValue: '<key=value>',
    }),
    env: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Environment variable for the engine, if its type accepts it; secret:NAME is a stored secret',
      helpValue: '<NAME=value>',
    }),
    restart: Flags.string({
      options: ['never', 'on-failure', 'always'] as const,
      description: 'When to restart it automatically [default: on-failure]',
    }),
    'memory-limit': Flags.string({ description: 'Main memory limit', helpValue: '4GiB' }),
    'cpu-limit': Flags.string({ description: 'CPU limit, in cores', helpValue: '2' }),
    hive: Flags.string({ char: 'H', description: 'Hive to run on [default: local]', helpValue: '<alias>' }),
    force: Flags.boolean({ description: 'Start even if it does not seem to fit into memory' }),
    ...detachFlag,
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(WorkerSpawn);
    // Without a terminal there is no one to answer.
    const ask = process.stdin.isTTY === true && !flags.detach;
    const input = { ...spawnInput(flags as SpawnFlags, this.folder), ...(ask && { ask }) };
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

/** The input of the operation; absent fields stay absent. */
export const spawnInput = (flags: SpawnFlags, cwd: string | undefined): WorkerSpawnInput => {
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
    cpuLimit: cpu === undefined ? undefined : parseNumber('cpu-limit', cpu, help, { min: 0.01, max: 4096 }),
    force: flags.force || undefined,
  };
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as WorkerSpawnInput;
};
