/**
 * Provides what a hive lacks before a launch. The hive reports one missing thing at a time, so it is asked again after
 * each. The launch itself runs once, when nothing is missing.
 * The local hive installs and downloads on its own. A hive on another machine gets plugins from here, and also what its
 * machine cannot download.
 */
import { isDeepStrictEqual } from 'node:util';
import { localAlias } from '../../config/hive-entry.ts';
import { includesScope } from '../../contract/api/access.ts';
import { type ErrorCode, RbeeError } from '../../contract/errors.ts';
import type { ModelDetails, ModelRequestOf } from '../../contract/models.ts';
import type { PluginRequestOf, PluginView } from '../../contract/plugins.ts';
import type { HiveNeed, NeedsRequest } from '../../contract/worker-type/needs.ts';
import type { Caller } from '../../gateway/access/caller.ts';
import type { HiveClient } from '../../hive/client.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { confirmPublisher } from './confirm-publisher.ts';
import type { Machine, RemoteCall } from './machine.ts';
import type { ModelDelivery } from './model-delivery.ts';
import { launchAnyway, needsIfKnown, whyRefused } from './outdated-hive.ts';
import type { PluginDelivery, ResolveCall } from './plugin-delivery.ts';

/** What the queen brings to other machines. */
export interface Remote {
  get(hive: string): Machine | undefined;
  plugins: PluginDelivery;
  models: ModelDelivery;
}

export interface ProvisionOptions {
  fleet: Pick<Fleet, 'online'>;
  /** Absent in a queen without other machines. */
  remote?: Remote;
}

/** The job that something is provided for. */
export interface ProvisionCall extends RemoteCall {
  job?: string;
  /** Who asked: only `admin` may have something brought. */
  caller: Pick<Caller, 'name' | 'scope'>;
}

/** What a worker is started from, as the caller gave it. */
export interface Wanted {
  /**
   * The type that a person named; a hive may only suggest its package. If absent, nothing is brought from here, and the
   * hive must download on its own.
   */
  type?: string;
  variant?: string;
  options?: Record<string, unknown>;
  /** `main` and components, as requests to the hive. */
  models: Readonly<Record<string, WantedModel>>;
}

export interface WantedModel {
  request: ModelRequestOf<'download'>;
  /** May be downloaded here, because a person wrote this reference, not the hive. */
  isWritten: boolean;
}

type Need<Kind extends HiveNeed['kind']> = Extract<HiveNeed, { kind: Kind }>;

/** Limits how long a hive that always lacks something can keep the queen busy. */
const maxRounds = 16;

/** Throws NOT_PERMITTED. If it is about a variant, the launch tries one that is installed. */
const mayBring = (hive: string, need: HiveNeed, { caller }: ProvisionCall): void => {
  if (includesScope(caller.scope, 'admin')) return;
  const what = {
    plugin: 'a plugin',
    variant: 'variant' in need ? `the variant ${need.variant}` : 'a variant',
    program: 'a program',
    models: 'model files',
  }[need.kind];
  const hint = 'ask for what the hive already has, or use a key with scope admin';
  throw RbeeError.of('NOT_PERMITTED', { who: caller.name, action: `have ${what} brought to hive ${hive}`, hint });
};

export class Provision {
  readonly #options: ProvisionOptions;

  constructor(options: ProvisionOptions) {
    this.#options = options;
  }

  /** Does this hive get its plugins from the queen? */
  isRemote(hive: string): boolean {
    return this.#options.remote?.get(hive) !== undefined;
  }

  /**
   * Provides everything that a launch lacks. If a variant cannot be brought, tries the next best. Errors: any from the
   * launch, the failure of the best variant if no other is possible, and HIVE_OUTDATED.
   */
  async launch(
    hive: string,
    request: Extract<NeedsRequest, { without?: unknown }>,
    wanted: Wanted,
    call: ProvisionCall,
  ): Promise<void> {
    const { connection, state } = this.#options.fleet.online(hive);
    const { client } = connection;
    const { signal, narrate } = call;
    const without: string[] = [];
    let failure: RbeeError | undefined;
    let fallback: RbeeError | undefined;
    let last: HiveNeed | undefined;
    for (let round = 0; round < maxRounds; round += 1) {
      const asked = { ...request, ...(without.length > 0 && { without }) };
      const need = await needsIfKnown(client, asked, { signal, narrate, job: call.job }).catch((error) => {
        throw failure ?? error;
      });
      if (need instanceof RbeeError) {
        return launchAnyway({ alias: hive, state, isRemote: this.isRemote(hive) }, wanted.type, call, need);
      }
      if (fallback)
        narrate({ kind: 'warning', text: `${fallback.message}: trying another variant instead`, hint: fallback.hint });
      fallback = undefined;
      // If something is still missing, the launch itself reports it.
      if (need === null || isDeepStrictEqual(need, last)) return;
      last = need;
      try {
        await this.#bring(hive, need, wanted, call);
      } catch (error) {
        signal.throwIfAborted();
        const isAboutVariant = error instanceof RbeeError && error.code !== 'PUBLISHER_UNKNOWN' && 'variant' in need;
        if (!isAboutVariant) throw error;
        failure ??= error;
        fallback = error;
        without.push(need.variant);
      }
    }
  }

  /** Installs a plugin that a person named. Errors: any from downloading, trust and installing, INVALID_INPUT. */
  async plugin(hive: string, request: PluginRequestOf<'install'>, call: ProvisionCall): Promise<PluginView> {
    const { client } = this.#options.fleet.online(hive).connection;
    const remote = this.#remote(hive);
    if (!remote) {
      return installThere(client, request, call).catch(async (error) => {
        throw await whyRefused(error, hive, client, call);
      });
    }
    const { scripts, ...given } = request;
    if (scripts) throw scriptsElsewhere(hive);
    const { view, variant, types } = await remote.plugins.deliver(remote.machine, given, call);
    for (const type of types) {
      const need = await needsIfKnown(client, { program: { plugin: type, variant } }, call);
      const from = { plugin: given.plugin, offline: given.offline };
      // An older hive downloads the program when it spawns a worker.
      if (need !== null && !(need instanceof RbeeError) && need.kind === 'program')
        await this.#program(hive, { ...need, type, variant }, { from }, call);
    }
    return view;
  }

  /** Downloads what is missing of a model. Errors: any from a download. */
  model(hive: string, request: ModelRequestOf<'download'>, call: ProvisionCall): Promise<ModelDetails> {
    return this.#model(hive, { request, isWritten: true }, call);
  }

  /** The version that would be installed. */
  resolve(plugin: string, call: ResolveCall): Promise<{ version: string }> {
    return this.#delivery().resolve(plugin, undefined, call);
  }

  /** Does the queen's machine have this package, or a version of it in rbee.lock? */
  knows(plugin: string): Promise<boolean> {
    return this.#delivery().knows(plugin);
  }

  async #bring(hive: string, need: HiveNeed, wanted: Wanted, call: ProvisionCall): Promise<void> {
    mayBring(hive, need, call);
    switch (need.kind) {
      case 'plugin':
        return this.#type(hive, need, wanted, call);
      case 'variant':
        return this.#variant(hive, need, wanted, call);
      case 'program': {
        const from = wanted.type === undefined ? undefined : { plugin: need.plugin, type: wanted.type };
        return this.#program(hive, need, { from, options: wanted.options }, call);
      }
      case 'models': {
        const missing = Object.entries(wanted.models).filter(([name]) => need.models.includes(name));
        for (const [, model] of missing) await this.#model(hive, model, call);
      }
    }
  }

  async #type(hive: string, need: Need<'plugin'>, { type, variant }: Wanted, call: ProvisionCall): Promise<void> {
    if (type === undefined) return;
    call.narrate({ kind: 'info', text: `worker type ${type} is not installed on hive ${hive}: installing it` });
    const request = { plugin: need.plugin, ...(variant !== undefined && { variant }) };
    const remote = this.#remote(hive);
    if (remote) {
      await remote.plugins.deliver(remote.machine, { ...request, type }, call);
      return;
    }
    const accepted = need.publisher && (await confirmPublisher(need.publisher, call.ask, trustHint(hive, type)));
    const { client } = this.#options.fleet.online(hive).connection;
    await client.plugins('install', { ...request, ...(accepted !== undefined && { accepted }) }, call);
  }

  async #variant(hive: string, { plugin, variant }: Need<'variant'>, { type }: Wanted, call: ProvisionCall) {
    call.narrate({ kind: 'info', text: `the variant ${variant} of ${plugin} is not on hive ${hive}: installing it` });
    const remote = this.#remote(hive);
    if (!remote) {
      await this.#options.fleet.online(hive).connection.client.plugins('install', { plugin, variant }, call);
    } else if (type !== undefined) {
      await remote.plugins.deliver(remote.machine, { plugin, variant, type }, call);
    }
  }

  /** `from` names the plugin that has the files here. If absent, the hive must download them itself. */
  async #program(
    hive: string,
    { type, variant, format, sources }: Omit<Need<'program'>, 'kind' | 'plugin'>,
    { from, options }: { from?: Parameters<PluginDelivery['deliver']>[1]; options?: Record<string, unknown> },
    call: ProvisionCall,
  ): Promise<void> {
    const { client } = this.#options.fleet.online(hive).connection;
    const remote = this.#remote(hive);
    const about = { variant, ...(options && { options }), ...(format !== undefined && { format }) };
    await fetchThereOrHere({
      there: () => client.plugins('prepare', { plugin: type, ...about }, call),
      unreachable: 'DOWNLOAD_FAILED',
      here:
        remote && from && (() => remote.plugins.bringProgram(remote.machine, from, { type, sources, ...about }, call)),
    });
  }

  #model(hive: string, { request, isWritten }: WantedModel, call: ProvisionCall): Promise<ModelDetails> {
    const { client } = this.#options.fleet.online(hive).connection;
    const remote = this.#remote(hive);
    return fetchThereOrHere({
      there: () => client.models('download', request, call),
      unreachable: 'MODEL_HUB_UNREACHABLE',
      here: remote && isWritten ? () => remote.models.bring(remote.machine, request, call) : undefined,
    });
  }

  #remote(hive: string): (Remote & { machine: Machine }) | undefined {
    const { remote } = this.#options;
    const machine = remote?.get(hive);
    return remote && machine && { ...remote, machine };
  }

  #delivery(): PluginDelivery {
    const { remote } = this.#options;
    if (!remote) throw RbeeError.of('REMOTE_HIVES_DISABLED', {});
    return remote.plugins;
  }
}

/**
 * Whether a machine reaches a source depends on proxies, redirects and certificates, so the only test is to try. After
 * an upload, the same request takes over the files.
 */
const fetchThereOrHere = async <Result>({
  there,
  unreachable,
  here,
}: {
  there: () => Promise<Result>;
  unreachable: ErrorCode;
  here: (() => Promise<void>) | undefined;
}): Promise<Result> => {
  try {
    return await there();
  } catch (error) {
    if (!here || !(error instanceof RbeeError) || error.code !== unreachable) throw error;
  }
  await here();
  return there();
};

/** For hives that use the registry themselves: asks a person before they download from an unknown publisher. */
const installThere = async (
  client: HiveClient,
  request: PluginRequestOf<'install'>,
  call: ProvisionCall,
): Promise<PluginView> => {
  const { plugin, variant, offline, force, yes, accepted: given } = request;
  if (yes || given !== undefined) return client.plugins('install', request, call);
  const about = {
    plugin,
    ...(variant !== undefined && { variant }),
    ...(offline && { offline }),
    ...(force && { force }),
  };
  const need = await needsIfKnown(client, { plugin: about }, call);
  // An older hive checks the publisher itself while installing.
  const publisher = need instanceof RbeeError || need?.kind !== 'plugin' ? undefined : need.publisher;
  const accepted = publisher && (await confirmPublisher(publisher, call.ask));
  return client.plugins('install', { ...request, ...(accepted !== undefined && { accepted }) }, call);
};

/** The command that needed the type has no flag to accept a publisher. */
const trustHint = (hive: string, plugin: string): string => {
  const where = hive === localAlias ? '' : ` --hive ${hive}`;
  const look = `check it with: rbee plugins inspect ${plugin}${where}`;
  return `${look}; if you trust the publisher: rbee plugins install ${plugin} --yes${where}`;
};

/** Install scripts would run on this machine and build for its platform. */
export const scriptsElsewhere = (hive: string): RbeeError =>
  RbeeError.of('INVALID_INPUT', {
    what: 'scripts',
    problem: `plugins for hive ${hive} are built on this machine, and install scripts would build for its platform`,
    hint: 'omit --allow-scripts',
  });
