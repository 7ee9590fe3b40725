/** `rbee infer` */
import * as Flags from '@oclif/core/flags';
import type { InferInput, InferResult } from '../../contract/api/operations.ts';
import { bodyLimit, type FleetStatus } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import { formatDuration } from '../../narration/quantities.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { argumentsOf, QueenCommand } from '../base.ts';
import { readStdin } from '../inference/stdin.ts';
import { absoluteModel, parseNumber } from '../spawn-input.ts';
import { detachFlag } from '../worker-change.ts';

const help = 'rbee infer --help';

/** A top-p of 0 leaves nothing to sample from. */
const bounds = { temperature: { min: 0, max: 2 }, 'top-p': { min: 0.000_001, max: 1 } };

export default class Infer extends QueenCommand {
  static override summary = 'Send a prompt to a model; the answer streams to stdout.';
  static override description =
    'If no worker serves the model yet, one is started and keeps running. Without a prompt, or with -, the prompt is read from stdin.';
  static override examples = [
    { description: 'Ask the demo model', command: 'rbee infer -m demo "Hello"' },
    { description: 'From a pipe, with statistics', command: 'cat question.txt | rbee infer -m qwen3-0.6b --stats' },
    { description: 'The same answer each time, for programs', command: 'rbee infer -m demo --seed 7 --json "Hello"' },
  ];
  static override args = { prompt: argumentsOf('Prompt; - reads it from stdin') };
  static override flags = {
    model: Flags.string({
      char: 'm',
      description: 'Name of a served model, or a model reference [default: the only served model]',
      helpValue: '<model>',
    }),
    system: Flags.string({ char: 's', description: 'System message', helpValue: '<text>' }),
    'max-tokens': Flags.integer({ description: 'Maximum number of tokens to generate', min: 1 }),
    temperature: Flags.string({ description: 'Randomness, 0 to 2', helpValue: '0.7' }),
    'top-p': Flags.string({ description: 'Nucleus sampling, up to 1', helpValue: '0.95' }),
    seed: Flags.integer({ description: 'Same seed, same answer', min: 0 }),
    stop: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Text that ends the answer; can be given up to four times',
      helpValue: '<text>',
    }),
    type: Flags.string({
      char: 't',
      description: 'Worker type to start if no worker serves the model',
      helpValue: '<type>',
    }),
    device: Flags.string({ description: 'Device to start the worker on', helpValue: '<device>' }),
    stats: Flags.boolean({ description: 'Print tokens, tokens/s and times to stderr' }),
    ...detachFlag,
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Infer);
    const prompt = await readPrompt(args.prompt);
    const number = (name: 'temperature' | 'top-p') =>
      flags[name] === undefined ? undefined : parseNumber(name, flags[name], help, bounds[name]);
    const sampling = { temperature: number('temperature'), topP: number('top-p') };
    const queen = await this.queen(flags);
    const model =
      flags.model === undefined ? await onlyModel(queen) : absoluteModel(flags.model, undefined, this.folder);
    const { system, seed, stop, type, device } = flags;
    const wanted = { model, prompt, system, maxTokens: flags['max-tokens'], ...sampling, seed, stop, type, device };
    const input = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)) as InferInput;
    if (flags.detach) return this.detachJob(queen, 'infer', input);
    const result = await this.runJob(queen, 'infer', input).catch(async (error) => {
      throw (await hivesDown(queen)) ?? error;
    });
    if (flags.stats) this.err.show(result, formatStats);
    return result;
  }
}

/** From the arguments, or from stdin if it is a pipe or `-` is given. */
const readPrompt = async (words: readonly string[] | undefined): Promise<string> => {
  const given = words ?? [];
  const fromStdin = given.length === 0 ? !process.stdin.isTTY : given.length === 1 && given[0] === '-';
  const piped = fromStdin ? String(await readStdin(bodyLimit.operations / 2)).trimEnd() : undefined;
  const prompt = piped ?? given.join(' ');
  if (prompt.trim() !== '') return prompt;
  const problem = fromStdin ? 'the prompt on stdin is empty' : 'the prompt is missing';
  throw RbeeError.of('USAGE', { problem, help });
};

const onlyModel = async (queen: QueenClient): Promise<string> => {
  const { models } = await queen.get<FleetStatus>('/v1/status');
  if (models.length === 0) {
    const down = await hivesDown(queen);
    if (down) throw down;
  }
  const [only] = models;
  if (models.length === 1 && only !== undefined) return only;
  const problem =
    models.length === 0
      ? 'no model is being served; choose one, such as -m demo'
      : `several models are served; choose one with -m: ${models.join(', ')}`;
  throw RbeeError.of('USAGE', { problem, help });
};

/** Why no model can answer, if no hive is online. */
const hivesDown = async (queen: QueenClient): Promise<RbeeError | undefined> => {
  const fleet = await queen.get<FleetStatus>('/v1/status').catch(() => undefined);
  const [first] = fleet?.hives ?? [];
  if (first === undefined || fleet?.hives.some(({ status }) => status === 'online')) return undefined;
  if (first.status === 'stopped') return RbeeError.of('HIVE_NOT_RUNNING', { hive: first.alias });
  return RbeeError.of('HIVE_UNREACHABLE', { hive: first.alias, problem: first.reason ?? 'its workers are lost' });
};

/** One line of statistics. */
export const formatStats = (result: InferResult): string => {
  const { usage, tokensPerSecond, firstTokenMs, totalMs, worker } = result;
  const parts = [
    usage && `${usage.prompt_tokens} tokens in, ${usage.completion_tokens} out`,
    tokensPerSecond !== null && `${tokensPerSecond.toFixed(1)} tokens/s`,
    firstTokenMs !== null && `first after ${formatDuration(firstTokenMs)}`,
    `${formatDuration(totalMs)} in total`,
    `worker ${worker}`,
  ];
  return `${parts.filter(Boolean).join(' · ')}\n`;
};
