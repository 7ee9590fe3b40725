/** One worker's HTTP server: listens, then loads the model, and answers until it is closed. */
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { addRoutes } from './add-routes.ts';
import { authorizer } from './authorize.ts';
import { drainRest } from './drain-rest.ts';
import { ApiError, asApiError, loadingModel, noSuchModel, StartError, stopping } from './errors.ts';
import { exitCodes } from './exit-codes.ts';
import { abortAll, handle, type Running, refuseWaiting } from './handle.ts';
import { createMetrics } from './metrics.ts';
import type { WorkerServerOptions } from './options.ts';
import { reportReady } from './ready-callback.ts';
import { requestIdHeader, requestIdOf } from './request-id.ts';
import { createSlots } from './slots.ts';
import { createUpgrades } from './upgrades.ts';
import { removeForgottenUploads } from './uploads.ts';

export interface WorkerServer {
  /**
   * Listens, loads the model, and reports to the hive. Resolves when the worker is ready. Throws a `StartError` if it cannot
   * listen, and whatever `load` throws. Call it once.
   */
  start(): Promise<{ port: number }>;
  /**
   * Refuses new requests, waits for the running ones, aborts them after `drainMs`, and frees the model. Resolves when the
   * port is closed. Can be called at any time, also repeatedly.
   */
  close(): Promise<void>;
}

const mebibyte = 1024 * 1024;
const defaultDrainMs = 30_000;
/** Milliseconds for an aborted engine to stop before its model is freed anyway. */
const abortGraceMs = 5_000;

export const createWorkerServer = <Loaded>(options: WorkerServerOptions<Loaded>): WorkerServer => {
  const log = (line: string) => (options.log ?? toStderr)(`${options.name}: ${line}`);
  const slots = createSlots(options.slots, options.queueLimit);
  const metrics = createMetrics(slots, options.gauges);
  const underWay = new Set<Running>();
  const ending = new AbortController();
  const authorize = authorizer(options.env['RBEE_API_KEY']);
  let loaded: { value: Loaded } | undefined;
  let closing: Promise<void> | undefined;

  /** Checks in this order: not ready, not authorized, no such path. */
  const admit = (authorization: string | undefined) => {
    if (closing !== undefined) throw stopping();
    if (loaded === undefined) throw loadingModel();
    authorize(authorization);
  };

  const ready = (): Loaded => {
    if (loaded === undefined) throw loadingModel();
    return loaded.value;
  };
  const upgrades = createUpgrades({ routes: options.routes, admit, loaded: ready });

  const app = fastify({
    http: { shouldUpgradeCallback: upgrades.takes },
    bodyLimit: options.bodyLimit ?? 8 * mebibyte,
    // Time to receive a whole request, so that a client cannot hold a connection by sending slowly. It is long because a
    // gigabyte of audio may come over a slow line.
    requestTimeout: 3_600_000,
    forceCloseConnections: false,
    return503OnClosing: false,
    genReqId: requestIdOf,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: true, strictTypes: false } },
  });
  app.server.on('upgrade', upgrades.pass);
  app.setErrorHandler((thrown, request, reply) => {
    const error = asApiError(thrown);
    if (!(thrown instanceof ApiError) && error.status >= 500) {
      log(`error [${request.id}]: ${(thrown as Error).stack ?? thrown}`);
    }
    if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
    if (!request.raw.complete) {
      // Fastify would close the connection at once.
      reply.removeHeader('connection');
      drainRest(request.raw, reply.raw);
    } else if (closing !== undefined) reply.header('connection', 'close');
    return reply.code(error.status).send(error.toJSON());
  });
  app.setNotFoundHandler(({ method, url }) => {
    throw new ApiError(404, 'invalid_request_error', `there is nothing at ${method} ${url}`, { code: 'not_found' });
  });
  app.addHook('onRequest', async (request, reply) => {
    // Set on the raw response, because streams and raw answers bypass the reply.
    reply.raw.setHeader(requestIdHeader, request.id);
    if (isHealth(request.url)) return;
    // Metrics stay readable while the worker loads and drains.
    if (request.url === '/metrics') authorize(request.headers.authorization);
    else admit(request.headers.authorization);
  });

  const health = async () => {
    if (closing !== undefined) throw stopping();
    if (loaded === undefined) throw loadingModel();
    return { status: 'ok' };
  };
  app.get('/health', health);
  app.get('/v1/health', health);
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  addModels(app, options, () => loaded?.value);
  addRoutes(app, options.routes, (route) =>
    handle(route, {
      slots,
      metrics,
      underWay,
      log,
      models: options.models,
      loaded: ready,
    }),
  );

  const load = async () => {
    let logged = 0;
    const progress = (fraction: number) => {
      const percent = Math.floor(Math.min(1, Math.max(0, fraction)) * 100);
      if (percent > logged) log(`loading ${percent} %`);
      logged = Math.max(logged, percent);
    };
    const value = await options.load({ signal: ending.signal, progress, log });
    if (ending.signal.aborted) {
      await options.unload?.(value);
      throw ending.signal.reason;
    }
    loaded = { value };
  };

  const end = async () => {
    ending.abort(stopping());
    refuseWaiting(underWay);
    if (slots.running > 0) log(`draining: ${slots.running} request${slots.running === 1 ? '' : 's'} still running`);
    if (!(await within(options.drainMs ?? defaultDrainMs, slots.idle()))) {
      log(`draining took too long: aborting ${slots.running} requests`);
      abortAll(underWay);
      await within(abortGraceMs, slots.idle());
    }
    upgrades.close();
    const closed = app.close();
    app.server.closeIdleConnections();
    // All answers are written. The remaining connections are idle, or their clients do not read.
    if (!(await within(1000, closed))) app.server.closeAllConnections();
    await closed;
    const last = loaded;
    loaded = undefined;
    if (last !== undefined) await options.unload?.(last.value);
  };

  return {
    start: async () => {
      if (options.routes.some(({ body }) => body === 'multipart')) await removeForgottenUploads();
      const port = await listen(app, options);
      log(`listening on http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`);
      await load();
      log('ready');
      void reportReady(options.env, { pid: process.pid, port }, ending.signal, log);
      return { port };
    },
    close: () => {
      closing ??= end();
      return closing;
    },
  };
};

const toStderr = (line: string) => process.stderr.write(`${line}\n`);

const isHealth = (url: string) => url === '/health' || url === '/v1/health' || url.startsWith('/health?');

const addModels = <Loaded>(
  app: FastifyInstance,
  { models, describe, name }: WorkerServerOptions<Loaded>,
  loaded: () => Loaded | undefined,
) => {
  const created = Math.floor(Date.now() / 1000);
  const entry = () => {
    const value = loaded();
    const more = value === undefined ? {} : describe?.(value);
    return { id: models[0] ?? name, object: 'model', created, owned_by: 'rbee', aliases: models, ...more };
  };
  app.get('/v1/models', async () => ({ object: 'list', data: [entry()] }));
  app.get<{ Params: { '*': string } }>('/v1/models/*', async ({ params }) => {
    const asked = params['*'];
    if (models.includes(asked)) return entry();
    throw noSuchModel(asked, models);
  });
};

const listen = async <Loaded>(app: FastifyInstance, { host, port }: WorkerServerOptions<Loaded>) => {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const problem =
      code === 'EADDRINUSE'
        ? 'the port is already in use'
        : code === 'EADDRNOTAVAIL'
          ? 'this machine has no such address'
          : message;
    throw new StartError(exitCodes.port, `cannot listen on ${host} port ${port}: ${problem}`, { cause });
  }
  return (app.server.address() as AddressInfo).port;
};

/** Whether it happens within this many milliseconds. */
const within = async (limitMs: number, happening: Promise<unknown>): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, limitMs, false);
  });
  const inTime = await Promise.race([happening.then(() => true as const), late]);
  clearTimeout(timer);
  return inTime;
};
