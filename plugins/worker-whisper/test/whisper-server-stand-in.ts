/**
 * A stand-in for whisper.cpp's `whisper-server` 1.9, with its quirks: it listens only once the model is loaded, exits with 0
 * on a wrong argument, replaces the bodies of all its errors, transcribes one file at a time, and finishes it before it ends
 * on SIGTERM.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';

const say = (line: string) => process.stderr.write(`${line}\n`);

const read = () => {
  try {
    return parseArgs({
      options: {
        model: { type: 'string', short: 'm', default: 'models/ggml-base.en.bin' },
        host: { type: 'string', default: '127.0.0.1' },
        port: { type: 'string', default: '8080' },
        'request-path': { type: 'string', default: '' },
        'inference-path': { type: 'string', default: '/inference' },
        'no-gpu': { type: 'boolean', default: false },
        device: { type: 'string', default: '0' },
        threads: { type: 'string', short: 't', default: '4' },
        /** Milliseconds per file. */
        'stand-in-pause': { type: 'string', default: '0' },
        /** Makes it end with SIGSEGV at the next file. */
        'stand-in-crash': { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    say(`error: unknown argument: ${/'(-[^' ]+)/.exec((error as Error).message)?.[1]}`);
    say('usage: whisper-server [options]');
    process.exit(0);
  }
};

const options = read();
say(`whisper_init_from_file_with_params_no_state: loading model from '${options.model}'`);
if (!existsSync(options.model)) {
  say(`whisper_init_from_file_with_params_no_state: failed to open '${options.model}'`);
  say('error: failed to initialize whisper context');
  process.exit(3);
}
if (readFileSync(options.model).toString('latin1', 0, 4) !== 'lmgg') {
  say('whisper_model_load: invalid model data (bad magic)');
  say('error: failed to initialize whisper context');
  process.exit(3);
}
say(
  options['no-gpu'] ? 'whisper_backend_init_gpu: no GPU found' : `whisper_backend_init_gpu: device ${options.device}`,
);

/** Requests that wait for the current one. */
let turn: Promise<unknown> = Promise.resolve();
let stopping = false;
let running = 0;

const bodyOf = async (request: IncomingMessage) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const answer = async (request: IncomingMessage, response: ServerResponse) => {
  const body = new Request('http://stand-in', {
    method: 'POST',
    headers: { 'content-type': request.headers['content-type'] ?? '' },
    body: new Uint8Array(await bodyOf(request)),
  });
  const form = await body.formData().catch(() => undefined);
  const file = form?.get('file');
  const sound = file instanceof Blob ? Buffer.from(await file.arrayBuffer()) : undefined;
  if (form === undefined || sound?.toString('latin1', 0, 4) !== 'RIFF') {
    say(sound === undefined ? "error: no 'file' field in the request" : 'error: failed to read audio data');
    response.writeHead(400, { 'content-type': 'text/plain' }).end('Invalid request');
    return;
  }
  process.stdout.write('Received request: sound.wav\n');
  if (options['stand-in-crash']) process.kill(process.pid, 'SIGKILL');
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, Number(options['stand-in-pause']));
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  if (response.destroyed) return say('client disconnected, aborting');
  const seconds = (sound.length - 44) / 32_000;
  const field = (name: string) => String(form.get(name) ?? '');
  const said = [' One.', ` ${field('translate') === 'true' ? 'Translated' : 'Two'}.`];
  response.writeHead(200, { 'content-type': 'application/json' }).end(
    JSON.stringify({
      task: 'transcribe',
      language: 'english',
      duration: seconds,
      text: said.join(''),
      ...(field('language') === 'auto' ? { detected_language: 'dutch' } : {}),
      segments: said.map((text, at) => ({
        id: at,
        text,
        start: (at * seconds) / 2,
        end: ((at + 1) * seconds) / 2,
        tokens: [50364 + at, at],
        words:
          field('token_timestamps') === 'true'
            ? [{ word: text, start: (at * seconds) / 2, end: (at * seconds) / 2 + 0.1, probability: 0.9 }]
            : [],
        temperature: Number(field('temperature') || 0),
        avg_logprob: -0.1,
        no_speech_prob: 0.01,
      })),
    }),
  );
};

const server = createServer((request, response) => {
  const path = options['request-path'];
  response.setHeader('access-control-allow-origin', '*');
  if (request.method === 'GET' && request.url === `${path}/health`) {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}');
  } else if (request.method === 'GET' && request.url === `${path}/`) {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>');
  } else if (request.method === 'POST' && request.url === path + options['inference-path']) {
    running += 1;
    turn = turn
      .then(() => answer(request, response))
      .finally(() => {
        running -= 1;
        if (stopping && running === 0) process.exit(0);
      });
  } else {
    response.writeHead(404, { 'content-type': 'text/plain' }).end(`File Not Found (${request.url})`);
  }
});

const stop = (signal: string) => {
  if (stopping) process.exit(1);
  stopping = true;
  process.stdout.write(`\nCaught signal ${signal}, shutting down gracefully...\n`);
  if (running === 0) process.exit(0);
};

server.listen(Number(options.port), options.host, () => {
  // Not earlier: until then, a signal's default action ends it.
  process.on('SIGTERM', () => stop('15'));
  process.on('SIGINT', () => stop('2'));
  process.stdout.write(`\nwhisper server listening at http://${options.host}:${options.port}\n\n`);
});
