/**
 * Brings to a hive what it lacks. The hive says what that is, by name and one thing at a time, so the question is asked
 * again after each; the work that needs it is begun once, when nothing is lacking.
 *
 * A hive of this machine installs and downloads by itself. One on another machine gets its plugins from here, and what its
 * machine cannot fetch as well.
 */
import { isDeepStrictEqual } from 'node:util';
import { localAlias } from '../../config/hive-entry.ts';
import { type ErrorCode, RbeeError } from '../../contract/errors.ts';
import type { ModelDetails, ModelRequestOf } from '../../contract/models.ts';
import type { HiveNeed, NeedsRequest } from '../../contract/needs.ts';
import type { PluginRequestOf, PluginView } from '../../contract/plugins.ts';
import type { HiveClient } from '../../hive/client.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { confirmPublisher } from './confirm-publisher.ts';
import type { Machine, RemoteCall } from './machine.ts';
import type { ModelDelivery } from './model-delivery.ts';
import { launchAnyway, needsIfKnown, whyRefused } from './outdated-hive.ts';
import type { PluginDelivery, ResolveCall } from './plugin-delivery.ts';

/** What the queen can bring to other machines, and which these are. */
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

/** On whose behalf something is brought. */
export interface ProvisionCall extends RemoteCall {
  job?: string;
}

/** What a worker is to be started from, as it was asked for. */
export interface Wanted {
  /**
   * The type that a person named. A hive may only hint at the package that has it. Absent, nothing is brought from here:
   * what the hive can fetch by itself is all that it gets.
   */
  type?: string;
  variant?: string;
  options?: Record<string, unknown>;
  /** `main` and components, as the hive is asked for each. */
  models: Readonly<Record<string, WantedModel>>;
}

export interface WantedModel {
  request: ModelRequestOf<'download'>;
  /** May be brought from here: a person wrote this reference, it is not a hive's word for it. */
  isWritten: boolean;
}

type Need<Kind extends HiveNeed['kind']> = Extract<HiveNeed, { kind: Kind }>;

/** A hive names what it lacks, and must not keep the queen busy for ever. */
const maxRounds = 16;

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
   * All that a launch lacks. Where a variant cannot be brought, the next best one is. Errors: those with which the hive
   * would refuse the launch, why the best variant cannot be brought where no other can, and HIVE_OUTDATED.
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
    let untold: RbeeError | undefined;
    let last: HiveNeed | undefined;
    for (let round = 0; round < maxRounds; round += 1) {
      const asked = { ...request, ...(without.length > 0 && { without }) };
      const need = await needsIfKnown(client, asked, { signal, narrate, job: call.job }).catch((error) => {
        throw failure ?? error;
      });
      if (need instanceof RbeeError) {
        return launchAnyway({ alias: hive, state, isRemote: this.isRemote(hive) }, wanted.type, call, need);
      }
      if (untold)
        narrate({ kind: 'warning', text: `${untold.message}: trying another variant instead`, hint: untold.hint });
      untold = undefined;
      // What is lacking after it was brought is said by the refusal of the launch.
      if (need === null || isDeepStrictEqual(need, last)) return;
      last = need;
      try {
        await this.#bring(hive, need, wanted, call);
      } catch (error) {
        signal.throwIfAborted();
        const isAboutVariant = error instanceof RbeeError && error.code !== 'PUBLISHER_UNKNOWN' && 'variant' in need;
        if (!isAboutVariant) throw error;
        failure ??= error;
        untold = error;
        without.push(need.variant);
      }
    }
  }

  /** A plugin that a person named. Errors: those of fetching, trust and installing, INVALID_INPUT. */
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
      // An older hive gets its program as a worker is spawned.
      if (need !== null && !(need instanceof RbeeError) && need.kind === 'program')
        await this.#program(hive, { ...need, type, variant }, { from }, call);
    }
    return view;
  }

  /** A model, as far as it is not there. Errors: those of a download. */
  model(hive: string, request: ModelRequestOf<'download'>, call: ProvisionCall): Promise<ModelDetails> {
    return this.#model(hive, { request, isWritten: true }, call);
  }

  /** The version that a plugin would be brought in. */
  resolve(plugin: string, call: ResolveCall): Promise<{ version: string }> {
    return this.#delivery().resolve(plugin, undefined, call);
  }

  /** Does the queen's machine have this package, or a version of it in rbee.lock? */
  knows(plugin: string): Promise<boolean> {
    return this.#delivery().knows(plugin);
  }

  async #bring(hive: string, need: HiveNeed, wanted: Wanted, call: ProvisionCall): Promise<void> {
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

  /** `from` says which plugin its files are asked of here; absent, the hive fetches them or goes without. */
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
 * The one thing that is found out by trying: whether a machine reaches a source depends on proxies, redirects and
 * certificates, and no other question tells. What was put there from here is taken in by the same request.
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

/** A hive that asks registries itself: a person is asked before it fetches anything of an unknown publisher. */
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
  // An older hive refuses an unknown publisher as it installs.
  const publisher = need instanceof RbeeError || need?.kind !== 'plugin' ? undefined : need.publisher;
  const accepted = publisher && (await confirmPublisher(publisher, call.ask));
  return client.plugins('install', { ...request, ...(accepted !== undefined && { accepted }) }, call);
};

/** What asked for the type has no flag that accepts a publisher. */
const trustHint = (hive: string, plugin: string): string => {
  const where = hive === localAlias ? '' : ` --hive ${hive}`;
  const look = `look at it with: rbee plugins inspect ${plugin}${where}`;
  return `${look}, and if you trust them: rbee plugins install ${plugin} --yes${where}`;
};

/** They would run on this machine, and make what is right for this one. */
export const scriptsElsewhere = (hive: string): RbeeError =>
  RbeeError.of('INVALID_INPUT', {
    what: 'scripts',
    problem: `what goes to hive ${hive} is put together on this machine, where no install script runs for another one`,
    hint: 'leave out --allow-scripts',
  });
