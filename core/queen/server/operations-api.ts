/** The API for the keeper: reads from memory, and jobs. On the socket for the owner, over TCP for keys with enough scope. */
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { includesScope, type Scope } from '../../contract/api/access.ts';
import { type OperationName, operations } from '../../contract/api/operations.ts';
import type { FleetStatus, JobView } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { SecretView } from '../../contract/secret-reference.ts';
import { type Caller, requireScope } from '../../gateway/access/caller.ts';
import type { KeyRing } from '../../gateway/access/key-ring.ts';
import { disconnectSignal } from '../../http/client-disconnect.ts';
import { plainForm, sendError } from '../../http/error-answers.ts';
import { pathOf } from '../../http/request-target.ts';
import { validator } from '../../http/validate.ts';
import { nearest } from '../../narration/near.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { workerLog } from '../fleet/worker-log.ts';
import { modelOf, modelsOf } from '../handlers/models.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { sendJobEvents } from './job-events.ts';
import { checkHive, checkLimits, checkOperation, seesHive, visibleStatus, visibleWorker } from './permissions.ts';

export interface OperationsDeps {
  fleet: Fleet;
  jobs: Jobs;
  status: () => FleetStatus;
  /** Names and uses, never values. */
  secrets: () => Promise<readonly SecretView[]>;
  logger: FastifyBaseLogger;
  audit: AuditLog;
  keys: Pick<KeyRing, 'list'>;
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
  ({ fleet, jobs, status, secrets, logger, audit, keys }: OperationsDeps) =>
  async (app: FastifyInstance): Promise<void> => {
    app.setErrorHandler(sendError(logger, plainForm));
    const closing = new AbortController();
    app.addHook('preClose', async () => closing.abort());
    app.addHook('onRoute', ({ url, config }) => {
      if (config?.scope === undefined) throw new Error(`no scope is given for ${url}`);
    });
    app.addHook('onRequest', async (request) => {
      const { scope = 'admin' } = request.routeOptions.config;
      const { caller, method } = request;
      try {
        checkLimits(requireScope(caller, scope, `${method} ${pathOf(request.url)}`));
      } catch (error) {
        // A program without a key could otherwise fill the log until older entries are gone.
        if (caller?.key && error instanceof RbeeError)
          audit.record({ caller, operation: `${method} ${routeOf(request)}`, outcome: 'refused', code: error.code });
        throw error;
      }
    });
    /** Records who changed a job of whom, and who tried to. */
    const changeJob = <Result>(
      request: FastifyRequest<Id>,
      operation: string,
      change: (id: string) => Result,
    ): Result => {
      const asked = { caller: callerOf(request), operation, job: request.params.id.slice(0, 64) };
      try {
        const result = change(changeable(request, jobs));
        audit.record({ ...asked, outcome: 'succeeded' });
        return result;
      } catch (error) {
        if (error instanceof RbeeError && error.code === 'SCOPE_MISSING')
          audit.record({ ...asked, outcome: 'refused', code: error.code });
        throw error;
      }
    };

    app.get('/v1/status', operate, async (request) => visibleStatus(callerOf(request), status()));
    app.get('/v1/hives', operate, async (request) => ({
      hives: fleet.hives().filter(({ alias }) => seesHive(callerOf(request), alias)),
    }));
    app.get<Id>('/v1/hives/:id', operate, async (request) => {
      checkHive(callerOf(request), request.params.id);
      return fleet.member(request.params.id).views.hive;
    });
    app.get<Id>('/v1/hives/:id/devices', operate, (request, reply) => {
      checkHive(callerOf(request), request.params.id);
      return fleet.online(request.params.id).connection.client.devices(disconnectSignal(reply.raw));
    });
    app.get<Id>('/v1/hives/:id/models', operate, (request) => {
      const { params, query } = request;
      checkHive(callerOf(request), params.id);
      const { model } = modelQuery(query);
      return model === undefined ? modelsOf(fleet, params.id) : modelOf(fleet, params.id, model);
    });
    app.get('/v1/workers', operate, async (request, reply) => {
      const { hive } = hiveQuery(request.query);
      const caller = callerOf(request);
      if (hive !== undefined) checkHive(caller, hive);
      else if (caller.key?.hives) return { workers: fleet.workers().filter((worker) => seesHive(caller, worker.hive)) };
      return reply.type('application/json; charset=utf-8').send(fleet.workersJson(hive));
    });
    app.get<Id>('/v1/workers/:id', operate, async (request) => {
      return visibleWorker(callerOf(request), fleet, { worker: request.params.id, ...hiveQuery(request.query) });
    });
    app.get<Id>('/v1/workers/:id/logs', { ...operate, ...endless }, async (request, reply) => {
      const { params, query } = request;
      const { lines = '100', follow, hive } = logsQuery(query);
      const caller = callerOf(request);
      // The log of a start that failed is kept without its worker.
      const limited = caller.key?.hives !== undefined;
      if (hive !== undefined) checkHive(caller, hive);
      const of = hive ?? (limited ? visibleWorker(caller, fleet, { worker: params.id }).hive : undefined);
      // A client that follows a log would prevent the server from closing.
      const signal = AbortSignal.any([disconnectSignal(reply.raw), closing.signal]);
      const options = { lines: Number(lines), follow: follow === 'true', signal };
      const log = await workerLog(fleet, { worker: params.id, ...(of !== undefined && { hive: of }) }, options);
      return reply.type('text/plain; charset=utf-8').send(log);
    });
    app.get('/v1/catalog', operate, async (request) => {
      const caller = callerOf(request);
      const { hive } = hiveQuery(request.query);
      if (hive !== undefined) checkHive(caller, hive);
      return { types: fleet.catalog(hive).filter((entry) => seesHive(caller, entry.hive)) };
    });
    app.get('/v1/keys', admin, async () => ({ keys: keys.list() }));
    app.get('/v1/secrets', admin, async () => ({ secrets: await secrets() }));
    app.get('/v1/operations', operate, async () => ({
      operations: Object.entries(operations).map(([name, { summary, kind, scope, input }]) => ({
        name,
        summary,
        kind,
        scope,
        input,
      })),
    }));

    app.post('/v1/jobs', operate, async (request, reply) => {
      const { operation, input } = jobBody(request.body);
      const caller = callerOf(request);
      const name = known(operation);
      const checked = inputs[name](input ?? {});
      try {
        checkOperation(caller, name, checked);
      } catch (error) {
        if (error instanceof RbeeError)
          audit.record({ caller, operation: name, input: checked, outcome: 'refused', code: error.code });
        throw error;
      }
      const given = request.headers['idempotency-key'];
      const key = given === undefined ? undefined : keyHeader(given);
      const job = jobs.start(name, checked, key ?? null, caller);
      return reply.code(202).header('location', `/v1/jobs/${job.id}`).send({ job_id: job.id });
    });
    app.get('/v1/jobs', operate, async (request) => {
      const all = jobs.list(Number(jobsQuery(request.query).limit ?? 50));
      return { jobs: all.filter((job) => mayRead(callerOf(request), job, jobs)) };
    });
    app.get<Id>('/v1/jobs/:id', operate, async (request) => readable(request, jobs));
    app.get<Id>('/v1/jobs/:id/events', { ...operate, ...endless }, (request, reply) => {
      const { id } = readable(request, jobs);
      return sendJobEvents(jobs, id, request.headers['last-event-id'], reply);
    });
    app.post<Id>('/v1/jobs/:id/answers', operate, async (request, reply) => {
      const { id, answer } = answerBody(request.body);
      changeJob(request, 'job_answer', (job) => jobs.answer(job, id, answer));
      return reply.code(204).send();
    });
    app.delete<Id>('/v1/jobs/:id', operate, async (request, reply) =>
      reply.code(202).send(changeJob(request, 'job_cancel', (job) => jobs.cancel(job))),
    );
  };

/** The scope that a route needs. */
const operate = { config: { scope: 'operate' } } as const;
const admin = { config: { scope: 'admin' } } as const;

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: Scope;
  }
}

const routeOf = ({ routeOptions, url }: FastifyRequest): string => routeOptions.url ?? pathOf(url);

const callerOf = ({ caller }: Pick<FastifyRequest, 'caller'>): Caller => caller as Caller;

/** Results of operations for `admin` are for `admin`; a key for some hives reads its own jobs. */
const mayRead = (caller: Caller, job: Pick<JobView, 'id' | 'operation'>, jobs: Jobs): boolean => {
  const needed = Object.hasOwn(operations, job.operation) ? operations[job.operation].scope : 'admin';
  if (!includesScope(caller.scope, needed)) return false;
  return !caller.key?.hives || jobs.callerOf(job.id)?.key?.id === caller.key.id;
};

/** Throws JOB_NOT_FOUND also for a job that the caller may not read. */
const readable = (request: FastifyRequest<Id>, jobs: Jobs): JobView => {
  const job = jobs.get(request.params.id);
  if (mayRead(callerOf(request), job, jobs)) return job;
  throw RbeeError.of('JOB_NOT_FOUND', { job: job.id });
};

/** The id of a job that the caller may answer and cancel: with the scope that its input needed. */
const changeable = (request: FastifyRequest<Id>, jobs: Jobs): string => {
  const job = readable(request, jobs);
  const asker = jobs.callerOf(job.id);
  const caller = callerOf(request);
  if (asker && !includesScope(caller.scope, asker.scope) && caller.key?.id !== asker.key?.id) {
    const details = { what: `changing job ${job.id}`, needed: asker.scope, who: caller.name, granted: caller.scope };
    throw RbeeError.of('SCOPE_MISSING', details);
  }
  return job.id;
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
