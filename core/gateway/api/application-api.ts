/** The API for applications: models, health, and every path that workers serve. */
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RbeeError } from '../../contract/errors.ts';
import type { HealthBody, HiveWorker } from '../../contract/hive-api.ts';
import { jsonAndForms, takesType } from '../../contract/served-path.ts';
import type { HttpMethod } from '../../contract/worker-type.ts';
import { disconnectSignal } from '../../http/client-disconnect.ts';
import { notFound, sendError, unsupported } from '../../http/error-answers.ts';
import { anyPath, methodNotAllowed } from '../../http/methods.ts';
import { pathOf } from '../../http/request-target.ts';
import type { BodyStores } from '../bodies/body-stores.ts';
import { type ReceivedBody, receiveBody } from '../bodies/receive-body.ts';
import { declareUtf8, utf8Json } from '../bodies/utf8-json.ts';
import type { Gateway } from '../gateway.ts';
import { modelName } from '../model-name/model-name.ts';
import { applicationError } from '../words/application-error.ts';
import { requestedModel } from './requested-model.ts';
import { responseSink } from './response-sink.ts';

export interface ApplicationParts {
  gateway: Gateway;
  health: () => HealthBody;
  /** Where request bodies wait for a worker. */
  bodies: BodyStores;
  logger: FastifyBaseLogger;
}

/** A fastify plugin, so that its parsers and its error shape apply to these routes only. */
export const applicationApi =
  ({ gateway, health, logger, bodies }: ApplicationParts) =>
  async (app: FastifyInstance): Promise<void> => {
    app.setErrorHandler(sendError(logger, applicationError));
    app.removeAllContentTypeParsers();
    const parse = receiveBody(bodies);
    app.addContentTypeParser('application/json', parse);
    app.addContentTypeParser('multipart/form-data', parse);
    // For all others, which take fastify longer to find.
    app.addContentTypeParser('*', parse);

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
        const path = pathOf(request.url);
        const methods = gateway.names.methodsOf(path);
        if (methods.length === 0 && !forwarded.has(request.method)) throw notFound(request);
        if (methods.length > 0 && !methods.includes(request.method)) throw methodNotAllowed(request, reply, methods);
        const type = bodyTypeOf(request);
        if (type === undefined) return;
        const accepted = methods.length > 0 ? gateway.names.typesOf(path) : jsonAndForms;
        if (!takesType(accepted, type)) throw unsupported(type, path, accepted.join(', '));
      },
      handler: (request, reply) => {
        const body = request.body as ReceivedBody | undefined;
        return serve(request, reply).finally(() => body?.remove());
      },
    });

    const serve = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const path = pathOf(request.url);
      const query = request.url.slice(path.length + 1);
      const received = (request.body as ReceivedBody | undefined)?.content ?? null;
      const isJson = Buffer.isBuffer(received) && mediaTypeOf(request.headers['content-type']) === 'application/json';
      const body = isJson ? utf8Json(received, request.headers['content-type']) : received;
      if (body !== received) declareUtf8(request.raw.rawHeaders);
      const method = request.method as HttpMethod;
      const named = await modelName({ contentType: request.headers['content-type'], query, body });
      const requested = requestedModel(gateway, { method, url: request.url, named });
      const bodyType = bodyTypeOf(request);
      const left = disconnectSignal(reply.raw);
      const headers = request.raw.rawHeaders;
      const asked = { method, path, target: request.url, ...requested, requestId: request.id };
      const incoming = { ...asked, bodyType, headers, body, signal: left };
      await gateway.handle(incoming, responseSink(reply));
      if (left.aborted && !reply.sent) reply.hijack();
      return reply;
    };
  };

const forwarded = new Set<string>(['GET', 'POST', 'PUT', 'DELETE'] satisfies HttpMethod[]);

/** Media type of the body, in lower case; `none` for a body that does not say, undefined if there is no body. */
const bodyTypeOf = ({ method, headers }: Pick<FastifyRequest, 'method' | 'headers'>): string | undefined => {
  const { 'content-type': type = 'none', 'content-length': length, 'transfer-encoding': encoding } = headers;
  if (method === 'GET' || (encoding === undefined && !(Number(length) > 0))) return undefined;
  return mediaTypeOf(type);
};

const mediaTypeOf = (type = ''): string => {
  const end = type.indexOf(';');
  return (end < 0 ? type : type.slice(0, end)).trim().toLowerCase();
};

const modelObject = ([id, workers]: [name: string, workers: readonly HiveWorker[]]) => ({
  id,
  object: 'model',
  created: Math.floor(Math.min(...workers.map(({ readyAt }) => (readyAt ? Date.parse(readyAt) : Date.now()))) / 1_000),
  owned_by: workers[0]?.type ?? 'rbee',
  ...abilitiesOf(workers),
});

const abilitiesOf = (workers: readonly HiveWorker[]): { abilities?: Record<string, boolean | number> } => {
  const abilities = commonAbilities(workers);
  return Object.keys(abilities).length > 0 ? { abilities } : {};
};

/** What a model can do whichever worker answers: the lowest of numbers; what one worker does not report is left out. */
const commonAbilities = (workers: readonly Pick<HiveWorker, 'abilities'>[]): Record<string, boolean | number> => {
  const [first = {}, ...others] = workers.map(({ abilities = {} }) => abilities);
  const common: Record<string, boolean | number> = { ...first };
  for (const other of others) {
    for (const [name, value] of Object.entries(common)) {
      const theirs = Object.hasOwn(other, name) ? other[name] : undefined;
      if (typeof value === 'number' && typeof theirs === 'number') common[name] = Math.min(value, theirs);
      else if (typeof value === 'boolean' && typeof theirs === 'boolean') common[name] = value && theirs;
      else delete common[name];
    }
  }
  return common;
};
