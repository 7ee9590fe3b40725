/** What rbee needs to know about the engine. This file is data: it starts nothing. */
export default {
  name: 'hello',
  apiVersion: 1,
  summary: 'Answers every request with a greeting',
  serves: [{ path: '/v1/hello', kind: 'other' }],
  variants: [{ id: 'cpu', resolveBinary: [{ kind: 'module', id: 'server', script: 'server.js' }] }],
  options: {
    type: 'object',
    properties: {
      greeting: { type: 'string', default: 'Hello', description: 'What it says' },
    },
    additionalProperties: false,
  },
  command: ['{host}', '{port}', '{option.greeting}'],
  health: { ready: { mode: 'poll', path: '/' } },
  keyless: true,
};
