/** The API for the keeper: reads from memory, and jobs. Only on the queen's socket. */
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import Type from 'typebox';
import { RbeeError } from '../../contract/errors.ts';
import { type OperationName, operations } from '../../contract/operations.ts';
import type { FleetStatus } from '../../contract/queen-api.ts';
import type { SecretView } from '../../contract/secret-reference.ts';
import { disconnectSignal } from '../../http/client-disconnect.ts';
import { plainForm, sendError } from '../../http/error-answers.ts';
import { validator } from '../../http/validate.ts';
import { nearest } from '../../narration/near.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { workerLog } from '../fleet/worker-log.ts';
import { modelOf, modelsOf } from '../handlers/models.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { sendJobEvents } from './job-events.ts';

export interface OperationsDeps {
  fleet: Fleet;
  jobs: Jobs;
  status: () => FleetStatus;
  /** Names and uses, never values. */
  secrets: () => Promise<readonly SecretView[]>;
  logger: FastifyBaseLogger;
}

const strict = { additionalProperties: false } as const;
const hiveQuery = validator(Type.Object({ hive: Type.Optional(Type.String()) }, strict), 'the query');
const modelQuery = validator(
  Type.Object({ model: Type.Optional(Type.String({ maxLength: 4_096 })) }, strict),
  'the query',
);
const jobsQuery = validator(
  Type.Object({ limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,3}$' })) }, strict),
  'the query',
);
const logsQuery = validator(
  Type.Object(
    {
      hive: Type.Optional(Type.String()),
      lines: Type.Optional(Type.String({ pattern: '^[0-9]{1,6}$' })),
      follow: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
    },
    strict,
  ),
  'the query',
);
const jobBody = validator(
  Type.Object({ operation: Type.String(), input: Type.Optional(Type.Unknown()) }, strict),
  'the request for a job',
);
const answerBody = validator(
  Type.Object({ id: Type.String(), answer: Type.String({ maxLength: 65_536 }) }, strict),
  'the answer',
);
const keyHeader = validator(
  Type.String({ minLength: 1, maxLength: 255, pattern: '^[!-~]+$' }),
  'the header Idempotency-Key',
);

/** Streamed answers have no HEAD: without a body they would not end. */
const endless = { exposeHeadRoute: false } as const;

/** Validates the input of an operation. INVALID_INPUT names the field. */
const inputs = Object.fromEntries(
  Object.entries(operations).map(([name, { input }]) => [name, validator(input, name)]),
) as Record<OperationName, (value: unknown) => unknown>;

/** A fastify plugin. */
export const operationsApi =
  ({ fleet, jobs, status, secrets, logger }: OperationsDeps) =>
  async (app: FastifyInstance): Promise<void> => {
    app.setErrorHandler(sendError(logger, plainForm));
    const closing = new AbortController();
    app.addHook('preClose', async () => closing.abort());

    app.get('/v1/status', async () => status());
    app.get('/v1/hives', async () => ({ hives: fleet.hives() }));
    app.get<Id>('/v1/hives/:id', async ({ params }) => fleet.member(params.id).views.hive);
    app.get<Id>('/v1/hives/:id/devices', ({ params }, reply) =>
      fleet.online(params.id).connection.client.devices(disconnectSignal(reply.raw)),
    );
    app.get<Id>('/v1/hives/:id/models', ({ params, query }) => {
      const { model } = modelQuery(query);
      return model === undefined ? modelsOf(fleet, params.id) : modelOf(fleet, params.id, model);
    });
    app.get('/v1/workers', async ({ query }, reply) =>
      reply.type('application/json; charset=utf-8').send(fleet.workersJson(hiveQuery(query).hive)),
    );
    app.get<Id>('/v1/workers/:id', async ({ params, query }) =>
      fleet.worker({ worker: params.id, ...hiveQuery(query) }),
    );
    app.get<Id>('/v1/workers/:id/logs', endless, async ({ params, query }, reply) => {
      const { lines = '100', follow, hive } = logsQuery(query);
      // A client that follows a log would prevent the server from closing.
      const signal = AbortSignal.any([disconnectSignal(reply.raw), closing.signal]);
      const options = { lines: Number(lines), follow: follow === 'true', signal };
      const log = await workerLog(fleet, { worker: params.id, ...(hive !== undefined && { hive }) }, options);
      return reply.type('text/plain; charset=utf-8').send(log);
    });
    app.get('/v1/catalog', async ({ query }) => ({ types: fleet.catalog(hiveQuery(query).hive) }));
    app.get('/v1/secrets', async () => ({ secrets: await secrets() }));
    app.get('/v1/operations', async () => ({
      operations: Object.entries(operations).map(([name, { summary, kind, input }]) => ({
        name,
        summary,
        kind,
        input,
      })),
    }));

    app.post('/v1/jobs', async (request, reply) => {
      const { operation, input } = jobBody(request.body);
      const given = request.headers['idempotency-key'];
      const key = given === undefined ? undefined : keyHeader(given);
      const job = jobs.start(known(operation), inputs[known(operation)](input ?? {}), key ?? null);
      return reply.code(202).header('location', `/v1/jobs/${job.id}`).send({ job_id: job.id });
    });
    app.get('/v1/jobs', async ({ query }) => ({ jobs: jobs.list(Number(jobsQuery(query).limit ?? 50)) }));
    app.get<Id>('/v1/jobs/:id', async ({ params }) => jobs.get(params.id));
    app.get<Id>('/v1/jobs/:id/events', endless, ({ params, headers }, reply) =>
      sendJobEvents(jobs, params.id, headers['last-event-id'], reply),
    );
    app.post<Id>('/v1/jobs/:id/answers', async ({ params, body }, reply) => {
      const { id, answer } = answerBody(body);
      jobs.answer(params.id, id, answer);
      return reply.code(204).send();
    });
    app.delete<Id>('/v1/jobs/:id', async ({ params }, reply) => reply.code(202).send(jobs.cancel(params.id)));
  };

interface Id {
  Params: { id: string };
}

const known = (operation: string): OperationName => {
  if (Object.hasOwn(operations, operation)) return operation as OperationName;
  const names = Object.keys(operations);
  const near = nearest(operation, names);
  throw RbeeError.of('UNKNOWN_OPERATION', { operation, known: (near.length > 0 ? near : names).join(', ') });
};
