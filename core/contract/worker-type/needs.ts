/**
 * Asks a hive what it is missing for a piece of work. The question changes nothing; the answer holds facts and names
 * only. The queen decides where missing things come from.
 */
import Type, { type Static } from 'typebox';
import { pluginRequests, programRequest } from '../plugins.ts';
import { workerId, workerSpec } from '../worker.ts';

const strict = { additionalProperties: false } as const;
const without = Type.Optional(
  Type.Array(Type.String({ maxLength: 64 }), { maxItems: 100, description: 'Variants to exclude' }),
);
const { plugin, variant, offline, force } = pluginRequests.install.properties;

export const needsRequest = Type.Union([
  Type.Object({ worker: workerSpec, without }, { ...strict, description: 'A worker to spawn' }),
  Type.Object(
    {
      start: Type.Object(
        {
          id: workerId,
          uid: Type.Optional(Type.String({ maxLength: 64 })),
          restart: Type.Optional(Type.Boolean({ description: 'Also if it is running: it is stopped first' })),
        },
        strict,
      ),
      without,
    },
    { ...strict, description: 'A worker to start again' },
  ),
  Type.Object(
    { plugin: Type.Object({ plugin, variant, offline, force }, strict) },
    { ...strict, description: 'A plugin to install' },
  ),
  Type.Object({ program: programRequest }, { ...strict, description: 'The program of a variant' }),
]);
export type NeedsRequest = Static<typeof needsRequest>;

/** An unknown publisher (none of its packages is installed yet), as shown when asking for confirmation. */
export interface UnknownPublisher {
  /** Identifies the exact package: only what was confirmed gets installed. */
  identity: string;
  /** Name and version. */
  package: string;
  publisher: string;
  /** Further facts, one per line. */
  about: readonly string[];
}

/** The next missing thing. Providing it may reveal further needs, so the question is repeated afterwards. */
export type HiveNeed =
  /** A plugin, by the name of its type or package. Only a hive that queries registries itself gives `publisher`. */
  | { kind: 'plugin'; plugin: string; publisher?: UnknownPublisher }
  /** A variant of an installed plugin. */
  | { kind: 'variant'; plugin: string; variant: string }
  /** The program of a variant: one of these sources, best first. `format` is the format of the model to load. */
  | { kind: 'program'; plugin: string; type: string; variant: string; format?: string; sources: readonly string[] }
  /** Models of the worker: `main`, or component names. */
  | { kind: 'models'; models: readonly string[] };
