/** A simulated fleet, and random fleets for property tests. */
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type {
  DeclaredRun,
  DesiredHive,
  HiveDeclaration,
  ObservedHive,
  ObservedWorker,
  SyncStep,
} from '../contract/api/sync.ts';
import { type DesiredOptions, desiredHives } from './desired.ts';
import type { Lease, SyncEffects } from './effects.ts';
import { absentHive, stoppedHive } from './observed.ts';

type Real = { -readonly [Key in keyof ObservedHive]: ObservedHive[Key] };

interface SimulationOptions {
  /** Called before each step. What it throws becomes the step's error. */
  before?: (alias: string, step: SyncStep, signal: AbortSignal) => void;
}

export class SimulatedFleet implements SyncEffects {
  /** Every step that was performed, in order. */
  readonly done: { alias: string; step: SyncStep }[] = [];
  readonly leases = new Map<string, string>();
  /** Maximum concurrent steps: in total, and of those that replace workers of one entry. */
  readonly most = { steps: 0, replaced: 0 };
  readonly #hives = new Map<string, Real>();
  readonly #options: SimulationOptions;
  #running = 0;
  readonly #replacing = new Map<string, number>();

  constructor(hives: readonly ObservedHive[], options: SimulationOptions = {}) {
    for (const hive of hives) this.#hives.set(hive.alias, structuredClone(hive));
    this.#options = options;
  }

  /** The true state. */
  get hives(): ObservedHive[] {
    return [...this.#hives.values()].map((hive) => structuredClone(hive));
  }

  /** The state as a queen sees it: what a stopped hive has is unknown. */
  get seen(): ObservedHive[] {
    return this.hives.map((hive) => {
      if (hive.status === 'absent') return absentHive(hive);
      return hive.status === 'stopped' ? stoppedHive(hive, hive) : hive;
    });
  }

  async observe(alias: string): Promise<ObservedHive> {
    await turn();
    return this.seen.find((hive) => hive.alias === alias)!;
  }

  async lease(alias: string): Promise<Lease> {
    await turn();
    if (this.leases.has(alias)) throw new Error(`${alias} is leased already`);
    this.leases.set(alias, 'this sync');
    return {
      lost: new AbortController().signal,
      release: async () => {
        this.leases.delete(alias);
      },
    };
  }

  async perform(alias: string, step: SyncStep, { signal }: { signal: AbortSignal }): Promise<void> {
    this.most.steps = Math.max(this.most.steps, ++this.#running);
    const group = step.kind === 'replace_worker' ? `${alias}/${step.group}` : null;
    if (group !== null) {
      this.#replacing.set(group, (this.#replacing.get(group) ?? 0) + 1);
      this.most.replaced = Math.max(this.most.replaced, this.#replacing.get(group)!);
    }
    try {
      await turn();
      this.#options.before?.(alias, step, signal);
      signal.throwIfAborted();
      if (!this.leases.has(alias)) throw new Error(`${alias} is changed without a lease`);
      change(this.#hives.get(alias)!, step);
      this.done.push({ alias, step });
    } finally {
      this.#running--;
      if (group !== null) this.#replacing.set(group, this.#replacing.get(group)! - 1);
    }
  }
}

/** Applies a step to a machine. Throws if a real machine would refuse it. */
const change = (hive: Real, step: SyncStep): void => {
  if (step.kind === 'install_hive') {
    hive.version = step.to;
    hive.status = step.start || hive.status === 'online' ? 'online' : 'stopped';
    return;
  }
  if (step.kind === 'start_hive') {
    if (hive.status === 'absent') throw new Error('nothing is installed');
    hive.status = 'online';
    return;
  }
  if (step.kind === 'uninstall_hive') {
    Object.assign(hive, { status: 'absent', version: null, types: [], models: [], workers: [] });
    return;
  }
  if (hive.status !== 'online') throw new Error(`the hive is ${hive.status}`);
  switch (step.kind) {
    case 'install_worker': {
      const { type, version, integrity, variant } = step;
      const own = hive.types.find((one) => one.type === type);
      const kept = own?.version === version ? own.variants : [];
      const rest = hive.types.filter((one) => one.type !== type);
      const variants = [...new Set([...kept, variant ?? 'cpu'])];
      const installed = { type, package: step.package, version, integrity, variants, source: 'installed', fault: null };
      // All types of a package have its version.
      const others = rest.map((one) => (one.package === step.package ? { ...one, version, integrity } : one));
      hive.types = [...others, installed as ObservedHive['types'][number]];
      return;
    }
    case 'download_model':
      hive.models = [...hive.models.filter(({ model }) => model !== step.model), { model: step.model, complete: true }];
      return;
    case 'start_worker': {
      const old = hive.workers.find(({ id }) => id === step.worker);
      if (old && old.state !== 'stopped' && old.state !== 'failed') throw new Error(`${old.id} is ${old.state}`);
      put(hive, old ? { ...started(hive, step), declaration: old.declaration, spec: old.spec } : started(hive, step));
      return;
    }
    case 'replace_worker':
      if (!hive.workers.some(({ id }) => id === step.worker)) throw new Error(`there is no ${step.worker}`);
      put(hive, started(hive, step));
      return;
    case 'delete_worker':
      hive.workers = hive.workers.filter(({ id }) => id !== step.worker);
      return;
    case 'uninstall_worker': {
      const types = hive.types.filter((one) => one.package === step.package).map(({ type }) => type);
      const user = hive.workers.find(({ type }) => types.includes(type));
      if (user) throw new Error(`${step.package} is in use by ${user.id}`);
      hive.types = hive.types.filter((one) => one.package !== step.package);
    }
  }
};

const started = (hive: Real, { worker, spec }: Extract<SyncStep, { kind: 'start_worker' | 'replace_worker' }>) => {
  const type = hive.types.find((one) => one.type === spec.type);
  if (!type) throw new Error(`there is no ${spec.type}`);
  const declaration = spec.declaration ?? null;
  return { id: worker, type: spec.type, state: 'ready', pluginVersion: type.version, declaration, spec, name: null };
};

const put = (hive: Real, worker: ObservedWorker): void => {
  hive.workers = [...hive.workers.filter(({ id }) => id !== worker.id), worker];
};

// Random fleets.

/** Two types come from one package. */
const packages: Readonly<Record<string, string>> = {
  chat: 'p-chat',
  speech: 'p-media',
  image: 'p-media',
  rank: 'p-rank',
};
const types = Object.keys(packages);
export const hiveVersion = '2.0.0-bbbbbbbb';

/** Desired versions. Types of one package share theirs. */
export const resolveSimulated: DesiredOptions['resolve'] = async (type) => ({
  package: packages[type]!,
  version: '1.1.0',
  integrity: 'sha512-new',
});

const variant = fc.constantFrom(null, 'cpu', 'cuda');
const models = ['hf:o/a', 'hf:o/b:Q4', 'file:/m.gguf'];

const entry: fc.Arbitrary<DeclaredRun> = fc.record({
  type: fc.constantFrom(...types),
  id: fc.constant(null),
  name: fc.constant(null),
  model: fc.constantFrom(null, 'demo', ...models),
  variant,
  device: fc.constantFrom(null, 'cpu', 'cuda:0'),
  replicas: fc.integer({ min: 0, max: 3 }),
  options: fc.constantFrom({}, { context: 512 }),
  environment: fc.constant({}),
  components: fc.constant({}),
  restart: fc.constantFrom(null, 'always' as const),
  memoryLimit: fc.constantFrom(null, 2 ** 30),
  cpuLimit: fc.constantFrom(null, 2),
  line: fc.constant(1),
});

const declaration = (alias: string): fc.Arbitrary<HiveDeclaration> =>
  fc.record({
    alias: fc.constant(alias),
    hostname: fc.constant(`${alias}.lan`),
    sshUser: fc.constant(null),
    sshPort: fc.constant(null),
    hivePort: fc.constant(8600),
    workerPorts: fc.constant('18000-18999'),
    autoStart: fc.boolean(),
    identityFile: fc.constant(null),
    proxyJump: fc.constant(null),
    labels: fc.constant({}),
    workers: fc.uniqueArray(
      fc.record({ type: fc.constantFrom(...types), version: fc.constant('^1'), variant, line: fc.constant(1) }),
      {
        selector: ({ type }) => type,
        maxLength: 3,
      },
    ),
    models: fc.subarray(models),
    run: fc.array(entry, { maxLength: 3 }),
    line: fc.constant(1),
  });

const observedTypes = fc
  .uniqueArray(
    fc.record({
      package: fc.constantFrom(...new Set(Object.values(packages))),
      version: fc.constantFrom('1.0.0', '1.1.0'),
      source: fc.constantFrom('installed', 'installed', 'link'),
      variants: fc.subarray(['cpu', 'cuda'], { minLength: 1 }),
      fault: fc.constantFrom(null, null, 'it throws'),
    }),
    { selector: (one) => one.package, maxLength: 3 },
  )
  .map((installed) =>
    installed.flatMap((one) =>
      types
        .filter((type) => packages[type] === one.package)
        .map((type) => ({
          ...one,
          type,
          source: one.source as 'installed' | 'link',
          integrity: one.version === '1.1.0' ? 'sha512-new' : 'sha512-old',
        })),
    ),
  );

/** A worker of the hive: a declared one in any condition, or one spawned by hand. */
const observedWorker = (desired: DesiredHive): fc.Arbitrary<ObservedWorker> => {
  const wanted = desired.workers.length === 0 ? fc.constant(null) : fc.constantFrom(null, ...desired.workers);
  return fc
    .record({
      wanted,
      own: fc.constantFrom('mine-1', 'mine-2', 'mine-3'),
      state: fc.constantFrom('ready', 'loading', 'stopped', 'failed'),
      pluginVersion: fc.constantFrom('1.0.0', '1.1.0'),
      how: fc.constantFrom('declared', 'otherwise', 'by hand', 'by hand the same'),
    })
    .map(({ wanted, own, state, pluginVersion, how }) => {
      const type = wanted?.spec.type ?? 'chat';
      const { declaration: _, ...spec } = wanted?.spec ?? { type };
      return {
        id: wanted?.id ?? own,
        type,
        state,
        pluginVersion,
        declaration:
          how === 'declared' ? (wanted?.declaration ?? 'gone') : how === 'otherwise' ? '0123456789abcdef' : null,
        spec: how === 'by hand the same' ? spec : how === 'by hand' ? { type, options: { else: 1 } } : null,
        name: null,
      };
    });
};

const observedHive = (desired: DesiredHive): fc.Arbitrary<ObservedHive> =>
  fc
    .record({
      status: fc.constantFrom('absent', 'stopped', 'online', 'online') as fc.Arbitrary<ObservedHive['status']>,
      old: fc.boolean(),
      types: observedTypes,
      models: fc.subarray(models),
      complete: fc.boolean(),
      workers: fc.uniqueArray(observedWorker(desired), { selector: ({ id }) => id, maxLength: 5 }),
    })
    .map(({ status, old, types: there, models: had, complete, workers }) => ({
      alias: desired.alias,
      hostname: `${desired.alias}.lan`,
      status,
      error: null,
      version: status === 'absent' ? null : old ? '1.0.0-aaaaaaaa' : hiveVersion,
      platform: 'linux-x64',
      complete: true,
      types: there,
      models: had.map((model) => ({ model, complete })),
      workers: workers.filter(({ type }) => there.some((one) => one.type === type)),
    }));

export interface RandomFleet {
  declared: HiveDeclaration[];
  desired: DesiredHive[];
  /** The last one is not declared. */
  observed: ObservedHive[];
}

const undeclared: DesiredHive = {
  alias: 'gone',
  version: null,
  autoStart: true,
  types: [],
  models: [],
  workers: [],
  unresolved: [],
};

/**
 * Random machines with their desired and observed states. The desired state is computed first, because it is
 * asynchronous.
 */
export const randomFleets = async (count: number, seed = 1): Promise<fc.Arbitrary<RandomFleet>[]> => {
  const declarations = fc.sample(fc.tuple(declaration('one'), declaration('two')), { numRuns: count, seed });
  return Promise.all(
    declarations.map(async (declared) => {
      const desired = await desiredHives(declared, { resolve: resolveSimulated, version: hiveVersion });
      return fc
        .tuple(...[...desired, undeclared].map(observedHive))
        .map((observed) => ({ declared, desired, observed }));
    }),
  );
};
