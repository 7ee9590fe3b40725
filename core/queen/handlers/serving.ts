/** Ensures that a ready worker serves a model: a running one, a starting one, or a new one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { localAlias } from '../../config/hive-entry.ts';
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import type { ModelLoadInput, ModelLoadResult } from '../../contract/api/operations.ts';
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference, looksLikeReference, parseModelReference } from '../../contract/model-reference.ts';
import { takesMethod } from '../../contract/worker-type/served-path.ts';
import type { ServedKind } from '../../contract/worker-type/worker-type.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { type Candidate, choose } from '../../gateway/routing/choice.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { workerKey, workerName } from '../fleet/worker-key.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { wakeWorker } from '../workers/change.ts';
import { referenceOf } from '../workers/known-model.ts';
import { type SpawnDeps, spawnWorker } from '../workers/spawn.ts';
import { type Ability, abilityFor } from './ability.ts';
import type { QueenServices } from './services.ts';

export class Serving {
  readonly #fleet: Fleet;
  readonly #gateway: Gateway;
  readonly #services: SpawnDeps;
  /** Running spawns, so that concurrent requests for a model share one worker. */
  readonly #spawning = new Map<string, Promise<unknown>>();

  constructor(services: SpawnDeps & Pick<QueenServices, 'gateway'>) {
    this.#services = services;
    this.#fleet = services.fleet;
    this.#gateway = services.gateway;
  }

  /** Waits for workers that are starting. Throws TYPE_NOT_FOUND, and the errors of choosing and spawning. */
  async ensure(input: ModelLoadInput, context: JobContext): Promise<ModelLoadResult> {
    const ability = abilityFor(input.kind);
    // No worker serves this name; it may be the name of a local model, so continue with the reference.
    let asked = input.model;
    for (;;) {
      context.signal.throwIfAborted();
      const key = JSON.stringify([asked, input.kind, input.type, input.device]);
      const model = asked ?? this.#onlyModel(ability);
      const named = model === undefined ? [] : this.#named(model, input.kind);
      const open = named.find((candidate) => candidate.open);
      if (open) return target(open, ability);
      const asleep = named.find((candidate) => candidate.asleep);
      if (asleep) {
        const { signal, narrate, job } = context;
        await wakeWorker(this.#fleet, workerName(asleep.key), { signal, narrate, job });
        continue;
      }
      const coming = named.find(({ worker, state }) => state === worker.state && isComing(state));
      if (coming) await this.#untilChanged(coming, context);
      else if (this.#spawning.has(key)) await settled(this.#spawning.get(key), context.signal);
      else if (model !== undefined && !looksLikeReference(model)) {
        const isServed = this.#gateway.names.named(model).length > 0;
        const here = isServed ? null : await referenceOf(this.#fleet.online(localAlias).connection.client, model);
        // The choice throws an error with the nearest names.
        if (here === null) this.#refuse(model, ability);
        asked = here;
      } else await this.#spawn(key, { ...input, model }, ability, context);
    }
  }

  /** Workers that serve this kind under the name, or that loaded the reference. */
  #named(model: string, kind: ServedKind): Candidate[] {
    const { names } = this.#gateway;
    const byName = names.named(model).filter((candidate) => serves(candidate, kind));
    if (byName.some(({ open }) => open) || !looksLikeReference(model)) return byName;
    const reference = formatModelReference(parseModelReference(model));
    return [...names.candidates()].filter(
      (candidate) => candidate.worker.reference === reference && serves(candidate, kind),
    );
  }

  /** Undefined if nothing serves this kind: the type that is spawned then chooses its model. */
  #onlyModel({ kind, does }: Ability): string | undefined {
    const served = [...this.#gateway.names.open()].flatMap(([name, workers]) =>
      workers.some((worker) => worker.serves.some((path) => path.kind === kind)) ? [name] : [],
    );
    if (served.length <= 1) return served[0];
    const problem = `more than one model ${does}`;
    throw RbeeError.of('INVALID_INPUT', { what: 'model', problem, hint: `choose one with -m: ${served.join(', ')}` });
  }

  async #spawn(
    key: string,
    { model, type, device }: ModelLoadInput,
    ability: Ability,
    context: JobContext,
  ): Promise<void> {
    const wanted = { type: type ?? typeFor(this.#fleet, ability), model, device };
    const spec = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)) as typeof wanted;
    const spawn = spawnWorker(this.#services, spec, context);
    this.#spawning.set(key, spawn);
    try {
      const { id, hive } = await spawn;
      const key = workerKey(hive, id);
      const spawned = [...this.#gateway.names.candidates()].find((candidate) => candidate.key === key);
      if (spawned && serves(spawned, ability.kind)) return;
      throw notServed(model ?? id, ability.defaultPath, spawned?.worker);
    } finally {
      this.#spawning.delete(key);
    }
  }

  async #untilChanged({ key, worker, state }: Candidate, { narrate, signal }: JobContext): Promise<void> {
    narrate({ kind: 'step', id: 'wait', text: `waiting for ${worker.id}, which is ${state}`, on: 'queen' });
    const isSame = () =>
      this.#gateway.names.named(worker.names[0] ?? '').some((one) => one.key === key && one.state === state);
    while (isSame()) await sleep(50, undefined, { signal });
    narrate({ kind: 'done', id: 'wait' });
  }

  #refuse(model: string, { defaultPath }: Ability): never {
    choose({ model, method: 'POST', path: defaultPath }, this.#gateway.names, this.#gateway.load);
    throw notServed(model, defaultPath);
  }
}

const isComing = (state: string): boolean => state === 'starting' || state === 'loading';

const serves = ({ worker }: Candidate, kind: ServedKind): boolean => worker.serves.some((path) => path.kind === kind);

const target = ({ worker }: Candidate, { kind, paths }: Ability): ModelLoadResult => {
  const of = worker.serves.filter((served) => served.kind === kind && takesMethod(served, 'POST'));
  const path = (of.find((served) => paths.test(served.path)) ?? of[0])?.path;
  const [model] = worker.names;
  if (path === undefined || model === undefined) throw notServed(worker.id, `${kind} by POST`, worker);
  return { model, path, worker: worker.id };
};

/** `worker` came up and does not serve this kind: its hive says why. */
const notServed = (model: string, path: string, worker?: HiveWorker): RbeeError => {
  const { id, engine, serves = [], unserved = [] } = worker ?? {};
  const known = serves.map((served) => served.path).join(', ') || 'nothing';
  return RbeeError.of('PATH_NOT_SERVED', {
    model,
    path,
    reason: id === undefined ? 'none of its workers does' : `not a path of ${id} (${engine})`,
    hint: [...unserved.filter((one) => one.path === path).map(({ hint }) => hint), `it serves: ${known}`].join('; '),
  });
};

const settled = (work: Promise<unknown> | undefined, signal: AbortSignal): Promise<unknown> =>
  Promise.race([
    work?.catch(() => {}),
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  ]);

/** Preferred types among those that can serve a kind. */
const preferred = ['llamacpp', 'whisper', 'sd'];

/** Considers only types on this machine, where it spawns: other machines must not decide what is installed here. */
const typeFor = (fleet: Fleet, { paths, does }: Ability): string => {
  const usable = fleet.catalog(localAlias).filter(({ fault }) => fault === undefined);
  const able = usable.filter((entry) => entry.serves.some((path) => paths.test(path))).map((entry) => entry.type);
  const type = preferred.find((name) => able.includes(name)) ?? able[0];
  if (type !== undefined) return type;
  const known = usable.map((entry) => entry.type).join(', ') || 'none';
  throw RbeeError.of('TYPE_NOT_FOUND', { type: `that ${does}`, known, near: '' });
};
