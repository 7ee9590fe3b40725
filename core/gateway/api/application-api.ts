/** The API for applications: models, health, and every path that workers serve. */
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RbeeError } from '../../contract/errors.ts';
import type { HealthBody, HiveWorker } from '../../contract/hive-api.ts';
import { disconnectSignal } from '../../http/client-disconnect.ts';
import { notFound, sendError, unsupported } from '../../http/error-answers.ts';
import { anyPath, methodNotAllowed } from '../../http/methods.ts';
import { pathOf } from '../../http/request-target.ts';
import type { BodyStores } from '../bodies/body-stores.ts';
import { type ReceivedBody, receiveBody } from '../bodies/receive-body.ts';
import type { Gateway } from '../gateway.ts';
import { modelName } from '../model-name/model-name.ts';
import { applicationError } from './application-error.ts';
import { requestedModel } from './requested-model.ts';
import { responseSink } from './response-sink.ts';

export interface ApplicationParts {
  gateway: Gateway;
  health: () => HealthBody;
  /** Where request bodies wait for a worker. */
  bodies: BodyStores;
  logger: FastifyBaseLogger;
}

/** Kinds of path that accept uploads. */
const takesForms = new Set<string | undefined>(['transcription', 'translation', 'image', 'other']);

/** A fastify plugin, so that its parsers and its error shape apply to these routes only. */
export const applicationApi =
  ({ gateway, health, logger, bodies }: ApplicationParts) =>
  async (app: FastifyInstance): Promise<void> => {
    app.setErrorHandler(sendError(logger, applicationError));
    app.removeAllContentTypeParsers();
    const parse = receiveBody(bodies);
    app.addContentTypeParser('application/json', parse);
    app.addContentTypeParser('multipart/form-data', parse);

    app.get('/health', async () => health());
    app.get('/v1/models', async () => ({ object: 'list', data: [...gateway.names.open()].map(modelObject) }));
    app.get('/v1/models/*', async (request) => {
      const name = decodeURIComponent(pathOf(request.url).slice('/v1/models/'.length));
      for (const [known, workers] of gateway.names.open()) if (known === name) return modelObject([known, workers]);
      throw RbeeError.of('MODEL_NOT_FOUND', { model: name, near: '', hint: 'see: GET /v1/models' });
    });

    app.route({
      method: app.supportedMethods,
      url: anyPath,
      exposeHeadRoute: false,
      onRequest: async (request, reply) => {
        const type = request.headers['content-type'];
        const path = pathOf(request.url);
        const methods = gateway.names.methodsOf(path);
        if (methods.length === 0 && !isForwarded(request.method)) throw notFound(request);
        if (methods.length > 0 && !methods.includes(request.method)) throw methodNotAllowed(request, reply, methods);
        const kind = gateway.names.kindOf(path);
        if (kind !== undefined && !takesForms.has(kind) && type?.startsWith('multipart/form-data')) {
          throw unsupported('multipart/form-data', path, 'application/json');
        }
      },
      handler: (request, reply) => {
        const body = request.body as ReceivedBody | undefined;
        return serve(request, reply).finally(() => body?.remove());
      },
    });

    const serve = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const path = pathOf(request.url);
      const query = request.url.slice(path.length + 1);
      const body = (request.body as ReceivedBody | undefined)?.content ?? null;
      const method = request.method === 'GET' ? 'GET' : 'POST';
      const named = await modelName({ contentType: request.headers['content-type'], query, body });
      const model = requestedModel(gateway, { method, url: request.url, named });
      const left = disconnectSignal(reply.raw);
      const headers = request.raw.rawHeaders;
      const incoming = { method, path, target: request.url, model, headers, body, signal: left } as const;
      await gateway.handle(incoming, responseSink(reply));
      if (left.aborted && !reply.sent) reply.hijack();
      return reply;
    };
  };

/** Methods that are passed on to workers. */
const isForwarded = (method: string): boolean => method === 'GET' || method === 'POST';

const modelObject = ([id, workers]: [name: string, workers: readonly HiveWorker[]]) => ({
  id,
  object: 'model',
  created: Math.floor(Math.min(...workers.map(({ readyAt }) => (readyAt ? Date.parse(readyAt) : Date.now()))) / 1_000),
  owned_by: workers[0]?.type ?? 'rbee',
});
