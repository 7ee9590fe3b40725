#!/usr/bin/env node
/** Stands in for the real program: same flags, health path and log lines. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '' },
    alias: { type: 'string', multiple: true, default: ['model'] },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    context: { type: 'string' },
    threads: { type: 'string' },
    device: { type: 'string' },
  },
});

if (!existsSync(values.model)) {
  console.error(`error: cannot open model ${values.model}`);
  process.exit(1);
}

const key = process.env.MY_ENGINE_API_KEY;

const readJson = async (request) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
};

const answer = (response, status, body) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

const server = createServer(async (request, response) => {
  if (request.url === '/health') return answer(response, 200, { status: 'ok' });
  if (key && request.headers.authorization !== `Bearer ${key}`) return answer(response, 401, { error: 'wrong key' });
  const { messages = [], stream } = await readJson(request);
  const content = `on ${values.device}: ${messages.at(-1)?.content}`;
  const choice = (field) => ({ model: values.alias[0], choices: [{ index: 0, ...field, finish_reason: 'stop' }] });
  if (!stream) return answer(response, 200, choice({ message: { role: 'assistant', content } }));
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(`data: ${JSON.stringify(choice({ delta: { content } }))}\n\ndata: [DONE]\n\n`);
});

server.listen(Number(values.port), values.host, () => {
  console.log('loading model: 100%');
  console.log(`listening on http://${values.host}:${server.address().port}`);
});
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
