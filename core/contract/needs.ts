/**
 * What a hive lacks for a piece of work: a question that changes nothing, and its answer, which holds facts and names
 * only. The queen decides where each of them comes from.
 */
import Type, { type Static } from 'typebox';
import { pluginRequests, programRequest } from './plugins.ts';
import { workerId, workerSpec } from './worker.ts';

const strict = { additionalProperties: false } as const;
const without = Type.Optional(
  Type.Array(Type.String({ maxLength: 64 }), { maxItems: 100, description: 'Variants that are out of the question' }),
);
const { plugin, variant, offline, force } = pluginRequests.install.properties;

export const needsRequest = Type.Union([
  Type.Object({ worker: workerSpec, without }, { ...strict, description: 'A worker that is to be spawned' }),
  Type.Object(
    {
      start: Type.Object(
        {
          id: workerId,
          uid: Type.Optional(Type.String({ maxLength: 64 })),
          restart: Type.Optional(Type.Boolean({ description: 'Also where it runs: it is stopped first' })),
        },
        strict,
      ),
      without,
    },
    { ...strict, description: 'A worker that is to be started again' },
  ),
  Type.Object(
    { plugin: Type.Object({ plugin, variant, offline, force }, strict) },
    { ...strict, description: 'A plugin that is to be installed' },
  ),
  Type.Object({ program: programRequest }, { ...strict, description: 'The program of a variant' }),
]);
export type NeedsRequest = Static<typeof needsRequest>;

/** An unknown publisher (none of its packages is installed yet), as shown when asking for confirmation. */
export interface UnknownPublisher {
  /** Names the very package: what was agreed to is what gets installed. */
  identity: string;
  /** Name and version. */
  package: string;
  publisher: string;
  /** What else there is to know, a line each. */
  about: readonly string[];
}

/**
 * The next thing that is lacking. What is lacking beyond it may be known only once it is there, so the question is asked
 * again after each.
 */
export type HiveNeed =
  /** A plugin by the name of its type or package. `publisher` is named only by a hive that asks registries itself. */
  | { kind: 'plugin'; plugin: string; publisher?: UnknownPublisher }
  /** A variant of a plugin that is installed. */
  | { kind: 'variant'; plugin: string; variant: string }
  /** The program of a variant: one of these sources, best first. `format` is that of the model which it is to load. */
  | { kind: 'program'; plugin: string; type: string; variant: string; format?: string; sources: readonly string[] }
  /** Models of the worker: `main`, or the name of a component. */
  | { kind: 'models'; models: readonly string[] };
