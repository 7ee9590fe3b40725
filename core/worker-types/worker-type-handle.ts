/** One worker type of one plugin version: its description, and its functions as calls into the evaluator. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { TSchema } from 'typebox';
import type { Device } from '../contract/device.ts';
import { RbeeError } from '../contract/errors.ts';
import type {
  Abilities,
  BinaryRequest,
  BinarySource,
  Command,
  DeviceFacts,
  Diagnosis,
  Failure,
  Fit,
  ForecastQuestion,
  HostFacts,
  Launch,
  LaunchRequest,
  MemoryEstimate,
  ModelFacts,
  OptionProblem,
  PreparedLaunch,
  ProgramOutput,
  RepositoryFile,
  UnservedPath,
} from '../contract/worker-type/worker-type.ts';
import { answerShapes, checkDescription, devicesAnswer, shapeProblem, type TypeDescription } from './description.ts';
import type { Evaluator } from './evaluator.ts';
import type { PluginManifest, WorkerTypeManifest } from './manifest.ts';

/** Maximum number of cached answers. Some arguments contain host facts, which change. */
const maxAnswers = 32;

export class WorkerTypeHandle {
  readonly plugin: PluginManifest;
  readonly manifest: WorkerTypeManifest;
  readonly #evaluator: Evaluator;
  #description: Promise<TypeDescription> | null = null;
  readonly #answers = new Map<string, Promise<unknown>>();

  constructor(plugin: PluginManifest, manifest: WorkerTypeManifest, evaluator: Evaluator) {
    this.plugin = plugin;
    this.manifest = manifest;
    this.#evaluator = evaluator;
  }

  get name(): string {
    return this.manifest.name;
  }

  /** Fingerprint of its plugin folder, if that may be edited. */
  get looks(): string | undefined {
    return this.#evaluator.looks;
  }

  /** The type as data; evaluated once. Errors: PLUGIN_FAILED, PLUGIN_INVALID, PLUGIN_NOT_BUILT, PLUGIN_CHANGED. */
  describe(): Promise<TypeDescription> {
    this.#description ??= checkBuilt(this.plugin, this.manifest, this.looks !== undefined)
      .then(() => this.#evaluator.describe(this.manifest.entry))
      .then((value) => checkDescription(this.plugin, this.manifest, value))
      .catch((error) => {
        // Not cached: the plugin may have been fixed in the meantime (a linked folder).
        this.#description = null;
        throw error;
      });
    return this.#description;
  }

  command(launch: Launch): Promise<Command> {
    return this.#call('command', answerShapes.command, [launch]);
  }

  fits(variant: string, host: HostFacts): Promise<Fit> {
    return this.#once(`variants.${variant}.fits`, answerShapes.fits, [host]);
  }

  deviceFlags(variant: string, device: Device): Promise<Launch['deviceFlags']> {
    return this.#once(`variants.${variant}.deviceFlags`, answerShapes.deviceFlags, [device]);
  }

  resolveBinary(variant: string, request: BinaryRequest): Promise<BinarySource[]> {
    return this.#once(`variants.${variant}.resolveBinary`, answerShapes.resolveBinary, [request]);
  }

  parseProbe(probe: string, output: { stdout: string; stderr: string; code: number | null }): Promise<unknown> {
    return this.#call(`probes.${probe}.parse`, answerShapes.parse, [output]);
  }

  /** The devices of a kind that the type defines. */
  parseDevices(kind: string, output: ProgramOutput): Promise<DeviceFacts[]> {
    return this.#call(`devices.${kind}.parse`, devicesAnswer, [output]);
  }

  /** Undefined if the type has no estimate. */
  async estimate(model: ModelFacts, launch: LaunchRequest): Promise<MemoryEstimate | undefined> {
    if (!(await this.describe()).has.includes('estimate')) return undefined;
    return this.#once('estimate', answerShapes.estimate, [model, launch]);
  }

  /** In addition to those whose `needs` are not met. */
  async unserved(launch: PreparedLaunch): Promise<UnservedPath[]> {
    return (await this.#ask('unserved', answerShapes.unserved, [launch])) ?? [];
  }

  async abilities(launch: PreparedLaunch): Promise<Abilities> {
    return (await this.#ask('abilities', answerShapes.abilities, [launch])) ?? {};
  }

  /** Undefined if the type does not say. */
  slots(options: Readonly<Record<string, unknown>>): Promise<number | undefined> {
    return this.#ask('slots', answerShapes.slots, [options]);
  }

  /** Undefined if unknown. */
  forecast(launch: PreparedLaunch): Promise<ForecastQuestion | undefined> {
    return this.#ask('forecast', answerShapes.forecast, [launch]);
  }

  /** Empty if there are no problems, or no check. */
  async checkOptions(launch: LaunchRequest): Promise<OptionProblem[]> {
    if (!(await this.describe()).has.includes('checkOptions')) return [];
    return this.#once('checkOptions', answerShapes.checkOptions, [launch]);
  }

  /** Undefined if the type does not recognize the failure. */
  async diagnose(failure: Failure): Promise<Diagnosis | undefined> {
    const diagnosis = await this.#call<Diagnosis | null>('diagnose', answerShapes.diagnose, [failure]);
    return diagnosis ?? undefined;
  }

  /** Empty if it answers only to its model's name. */
  async aliases(options: Readonly<Record<string, unknown>>): Promise<string[]> {
    if (!(await this.describe()).has.includes('aliases')) return [];
    return this.#call('aliases', answerShapes.aliases, [options]);
  }

  /** Undefined if the type leaves the choice to rbee. */
  async selectFiles(
    files: readonly RepositoryFile[],
    options: Readonly<Record<string, unknown>>,
  ): Promise<string[] | undefined> {
    if (!(await this.describe()).has.includes('selectFiles')) return undefined;
    return this.#call('selectFiles', answerShapes.selectFiles, [files, options]);
  }

  /** Undefined if the type lacks the member, or it returns nothing. */
  async #ask<Answer>(
    member: keyof typeof answerShapes,
    shape: TSchema,
    args: readonly unknown[],
  ): Promise<Answer | undefined> {
    if (!(await this.describe()).has.includes(member)) return undefined;
    return (await this.#once<Answer | null>(member, shape, args)) ?? undefined;
  }

  /** The functions are pure, so answers are cached and concurrent calls shared: each spawn makes the same calls. */
  #once<Answer>(member: string, shape: TSchema, args: readonly unknown[]): Promise<Answer> {
    const question = JSON.stringify([member, args]);
    const known = this.#answers.get(question);
    if (known) return known as Promise<Answer>;
    const answer = this.#call<Answer>(member, shape, args);
    this.#answers.set(question, answer);
    // The next call may succeed.
    answer.catch(() => this.#answers.delete(question));
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= maxAnswers) break;
      this.#answers.delete(oldest);
    }
    return answer;
  }

  async #call<Answer>(member: string, shape: TSchema, args: readonly unknown[]): Promise<Answer> {
    const value = await this.#evaluator.call(this.manifest.entry, member, args);
    const problem = shapeProblem(shape, value);
    if (problem) throw RbeeError.of('PLUGIN_FAILED', { plugin: this.plugin.package, member, problem });
    return value as Answer;
  }
}

/**
 * Checks that the entry exists before its code is loaded: "not built" is clearer than "module not found". Errors:
 * PLUGIN_NOT_BUILT for a linked plugin, else PLUGIN_INVALID.
 */
export const checkBuilt = async (
  { package: plugin, root }: PluginManifest,
  { entry }: WorkerTypeManifest,
  isEdited: boolean,
): Promise<void> => {
  try {
    await access(join(root, entry));
  } catch (cause) {
    if (isEdited) throw RbeeError.of('PLUGIN_NOT_BUILT', { plugin, entry, folder: root }, { cause });
    const problem = `it has no ${entry}: it was not built before it was packed`;
    throw RbeeError.of('PLUGIN_INVALID', { plugin, problem }, { cause });
  }
};
