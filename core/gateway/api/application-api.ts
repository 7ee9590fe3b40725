/** The API for applications: models, health, and every path that workers serve. */
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HealthBody } from '../../contract/api/hive-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import { jsonAndForms, takesType } from '../../contract/worker-type/served-path.ts';
import type { HttpMethod } from '../../contract/worker-type/worker-type.ts';
import { disconnectSignal } from '../../http/client-disconnect.ts';
import { notFound, sendError, unsupported } from '../../http/error-answers.ts';
import { anyPath, methodNotAllowed } from '../../http/methods.ts';
import { pathOf } from '../../http/request-target.ts';
import { grantOf, requireScope } from '../access/caller.ts';
import { UseLimits } from '../access/limits.ts';
import type { BodyStores } from '../bodies/body-stores.ts';
import { acceptedEncodings, encodingOf, isKnownEncoding, unsupportedEncoding } from '../bodies/decode-body.ts';
import { type ReceivedBody, receiveBody } from '../bodies/receive-body.ts';
import { declareUtf8, utf8Json } from '../bodies/utf8-json.ts';
import { countTokens } from '../forward/token-count.ts';
import type { Gateway } from '../gateway.ts';
import { modelName } from '../model-name/model-name.ts';
import { applicationError } from '../words/application-error.ts';
import { declareJson, mayBeJson } from './assume-json.ts';
import { modelList, modelNamed } from './model-list.ts';
import { requestedModel } from './requested-model.ts';
import { responseSink } from './response-sink.ts';

export interface ApplicationParts {
  gateway: Gateway;
  health: () => HealthBody;
  /** Where request bodies wait for a worker. */
  bodies: BodyStores;
  logger: FastifyBaseLogger;
  /** How much each key may use. */
  limits?: UseLimits;
}

/** A fastify plugin, so that its parsers and its error shape apply to these routes only. */
export const applicationApi =
  ({ gateway, health, logger, bodies, limits = new UseLimits() }: ApplicationParts) =>
  async (app: FastifyInstance): Promise<void> => {
    app.setErrorHandler(sendError(logger, applicationError));
    app.removeAllContentTypeParsers();
    const parse = receiveBody(bodies);
    app.addContentTypeParser('application/json', parse);
    app.addContentTypeParser('multipart/form-data', parse);
    // For all others, which take fastify longer to find.
    app.addContentTypeParser('*', parse);

    app.get('/health', async ({ caller }) => (caller ? health() : { status: health().status }));
    const started = Date.now();
    const namesFor = ({ caller }: FastifyRequest) => gateway.namesFor(grantOf(caller ?? {}));
    app.get('/v1/models', async (request) => modelList(namesFor(request), started));
    app.get('/v1/models/*', async (request) => {
      const name = decodeURIComponent(pathOf(request.url).slice('/v1/models/'.length));
      const model = modelNamed(namesFor(request), name, started);
      if (model) return model;
      throw RbeeError.of('MODEL_NOT_FOUND', { model: name, near: '', hint: 'see: GET /v1/models' });
    });

    app.route({
      method: app.supportedMethods,
      url: anyPath,
      exposeHeadRoute: false,
      onRequest: async (request, reply) => {
        const path = pathOf(request.url);
        const methods = gateway.names.methodsOf(path);
        if (path === '/' && methods.length === 0 && isRead(request.method)) return reply.send(welcome);
        requireScope(request.caller, 'infer', `${request.method} ${path}`);
        if (methods.length === 0 && !forwarded.has(request.method)) throw notFound(request);
        if (methods.length > 0 && !methods.includes(request.method)) throw methodNotAllowed(request, reply, methods);
        const type = bodyTypeOf(request);
        if (type === undefined) return undefined;
        const accepted = methods.length > 0 ? gateway.names.typesOf(path) : jsonAndForms;
        if (!takesType(accepted, type)) {
          if (!mayBeJson(request, type, accepted)) throw unsupported(type, path, accepted.join(', '));
          declareJson(request.raw);
        }
        const encoding = encodingOf(request);
        if (encoding !== undefined && !isKnownEncoding(encoding)) {
          reply.header('accept-encoding', acceptedEncodings);
          throw unsupportedEncoding(encoding);
        }
        return undefined;
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
      const left = disconnectSignal(reply.raw);
      const isUnknown = named !== undefined && gateway.names.named(named).length === 0;
      if (isUnknown) await gateway.gather(named, left);
      const grant = request.caller ? grantOf(request.caller) : undefined;
      const requested = requestedModel(gateway, { method, url: request.url, named, grant });
      const bodyType = bodyTypeOf(request);
      const headers = request.raw.rawHeaders;
      const rateHeaders: Record<string, string> = {};
      // Without a result: a reply can be awaited, and that would wait for the whole answer.
      const use = await limits.begin(request.caller?.key, rateHeaders).finally(() => void reply.headers(rateHeaders));
      let tokens = 0;
      const sink = use.countsTokens
        ? countTokens(responseSink(reply), (count) => (tokens = count))
        : responseSink(reply);
      const incoming = {
        method,
        path,
        target: request.url,
        ...requested,
        grant,
        bodyType,
        headers,
        body,
        requestId: request.id,
        signal: left,
        ...(named !== undefined && { named }),
      };
      try {
        await gateway.handle({ ...incoming, isRead: use.countsTokens }, sink);
      } finally {
        use.end(tokens);
      }
      if (left.aborted && !reply.sent) reply.hijack();
      return reply;
    };
  };

/** Clients and load balancers ask for it to see whether anything answers. */
const welcome = { service: 'rbee', models: '/v1/models', health: '/health' };

const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD';

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
