/** Workers: spawn, change, logs, and the callback with which they report that they are ready. */
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import type { SpawnRequest, StopRequest, WorkerRequest } from '../../contract/api/hive-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import { maxSecretBytes, secretNamePattern } from '../../contract/secret-reference.ts';
import { workerId, workerSpec } from '../../contract/worker.ts';
import { follow, tail } from '../../lifecycle/logs/logs.ts';
import { narratingAnswer } from '../narrating-answer.ts';
import type { FailedStart } from '../workers/failed-starts.ts';
import type { Workers } from '../workers/workers.ts';

const idParams = Type.Object({ id: workerId });
const uid = Type.Optional(Type.String({ maxLength: 64 }));
/** Secrets on their way to the secrets folder: no message may repeat them. */
const secrets = Type.Optional(
  Type.Record(Type.String({ pattern: secretNamePattern }), Type.String({ maxLength: maxSecretBytes }), {
    maxProperties: 256,
  }),
);
const strict = { additionalProperties: false } as const;
const spawnBody = Type.Object({ ...workerSpec.properties, secrets }, strict);
const startBody = Type.Union([Type.Null(), Type.Object({ uid, secrets }, strict)]);
const stopBody = Type.Union([Type.Null(), Type.Object({ now: Type.Optional(Type.Boolean()), uid, secrets }, strict)]);
const logQuery = Type.Object({
  lines: Type.Integer({ minimum: 0, maximum: 100_000, default: 100 }),
  follow: Type.Boolean({ default: false }),
});

type WithId = { Params: Static<typeof idParams> };
type WithStart = WithId & { Body: WorkerRequest | null };
type WithStop = WithId & { Body: StopRequest | null };

export const workerRoutes = (server: FastifyInstance, workers: Workers): void => {
  const { redactor } = workers;
  const changing = { schema: { params: idParams, body: stopBody } };

  server.post<{ Body: SpawnRequest }>('/v1/workers', { schema: { body: spawnBody } }, (request, reply) => {
    const { secrets, ...spec } = request.body;
    narratingAnswer(reply, (options) => workers.spawn(spec, { ...options, ...(secrets && { secrets }) }), redactor);
  });
  const starting = { schema: { params: idParams, body: startBody } };
  for (const [path, change] of [
    ['start', 'startAgain'],
    ['wake', 'wake'],
  ] as const) {
    server.post<WithStart>(`/v1/workers/:id/${path}`, starting, ({ params: { id }, body }, reply) => {
      workers.get(id, body?.uid);
      narratingAnswer(reply, (options) => workers[change](id, { ...options, ...body }), redactor);
    });
  }
  for (const change of ['stop', 'sleep', 'restart'] as const) {
    server.post<WithStop>(`/v1/workers/:id/${change}`, changing, ({ params: { id }, body }, reply) => {
      workers.get(id, body?.uid);
      narratingAnswer(reply, (options) => workers[change](id, { ...options, ...body }), redactor);
    });
  }
  server.delete<WithStop>('/v1/workers/:id', changing, ({ params: { id }, body }, reply) => {
    workers.get(id, body?.uid);
    narratingAnswer(reply, (options) => workers.delete(id, { ...options, ...body }), redactor);
  });

  server.post<WithId>('/v1/workers/:id/ready', { schema: { params: idParams } }, (request, reply) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!workers.ready(request.params.id, token)) {
      throw RbeeError.of('PERMISSION_DENIED', { action: 'report readiness of', name: request.params.id });
    }
    return reply.code(204).send();
  });

  server.get<WithId & { Querystring: Static<typeof logQuery> }>(
    '/v1/workers/:id/logs',
    { schema: { params: idParams, querystring: logQuery } },
    async (request, reply) => {
      const { file: logFile, failed } = await workers.logOf(request.params.id);
      const { lines } = request.query;
      reply.type('text/plain; charset=utf-8');
      // The worker is gone, so nothing more will be written.
      if (failed) return redactor.text(await failedLog(failed, logFile, lines));
      if (!request.query.follow) return redactor.text((await tail(logFile, lines)).map((line) => `${line}\n`).join(''));
      const left = new AbortController();
      const { raw } = reply.hijack();
      raw.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
      raw.flushHeaders();
      raw.on('close', () => left.abort());
      const redacted = redactor.stream();
      for await (const chunk of follow(logFile, { lines, signal: left.signal })) {
        if (!raw.write(redacted.push(chunk)))
          await new Promise((resolve) => raw.once('drain', resolve).once('close', resolve));
      }
      raw.end(redacted.end());
    },
  );
};

/** Starts with the reason why the worker is gone. */
const failedLog = async ({ id, at, message }: FailedStart, file: string, lines: number): Promise<string> => {
  const head = `[${id} no longer exists: its start failed at ${at}: ${message}]`;
  return [head, ...(await tail(file, lines))].map((line) => `${line}\n`).join('');
};
