/** Forwards ComfyUI's own API byte for byte. */
import { type IncomingMessage, request } from 'node:http';
import {
  ApiError,
  type Route,
  rawAnswer,
  type UpgradeRequest,
  type UpgradeTarget,
  type WorkerRequest,
} from '@rbee/worker-server';
import { ownPaths } from '../own-paths.ts';
import type { Comfy } from './comfy.ts';

/** Per request, for uploaded images and masks. */
const maxBytes = 1024 * 2 ** 20;

export const ownRoutes: readonly Route<Comfy>[] = ownPaths.flatMap(({ path, method = 'POST' }) =>
  (['GET', 'POST'] as const)
    .filter((one) => method === 'any' || method === one)
    .map(
      (one): Route<Comfy> => ({
        path,
        method: one,
        ...(one === 'POST' ? { body: 'raw', files: { bytes: maxBytes } } : { upgrade }),
        // ComfyUI has its own queue, and answers queries at any time.
        slot: false,
        handler: async (asked, { loaded, signal }) => {
          const { statusCode = 502, headers, answer } = await ask(loaded.url, asked, signal);
          const { 'content-type': contentType, ...more } = headers;
          return rawAnswer({ status: statusCode, contentType, headers: passed(more), body: answer });
        },
      }),
    ),
);

/** ComfyUI reports progress over a WebSocket. */
function upgrade({ url, headers }: UpgradeRequest, comfy: Comfy): UpgradeTarget {
  const ofSocket = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('sec-websocket-')));
  return { url: comfy.url + url, headers: { ...passed(headers), ...(ofSocket as Record<string, string>) } };
}

/** Hop-by-hop headers, and host and origin, which ComfyUI refuses if they differ. */
const notPassed =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|host|origin|referer|authorization|expect|sec-.*)$/;

const passed = (headers: WorkerRequest['headers']): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || notPassed.test(name) ? [] : [[name, value]],
    ),
  );

const ask = (url: string, { method, url: target, headers, raw }: WorkerRequest, signal: AbortSignal) =>
  new Promise<{ statusCode?: number; headers: IncomingMessage['headers']; answer: IncomingMessage }>(
    (resolve, reject) => {
      const call = request(
        new URL(url),
        { method, path: target, headers: passed(headers), signal, agent: false },
        (answer) => resolve({ statusCode: answer.statusCode, headers: answer.headers, answer }),
      );
      call.on('error', (cause) =>
        reject(
          new ApiError(502, 'server_error', `ComfyUI does not answer: ${cause.message}`, {
            code: 'bad_gateway',
            cause,
          }),
        ),
      );
      if (raw === undefined) call.end();
      else raw.on('error', (cause) => call.destroy(cause)).pipe(call);
    },
  );
