/** A program like a foreign engine, for tests: prints its environment, listens after a while, ends in many ways. */
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    /** Ends with this code before it listens. */
    exit: { type: 'string' },
    deaf: { type: 'boolean', default: false },
  },
});

if (values.deaf) process.on('SIGTERM', () => console.log('I do not hear'));
process.stdout.write('loading: 10 %\rloading: 50 %\rloading: 90 %\rloaded\r\n');
process.stderr.write('half a ');
process.stderr.write(`line, key ${process.env['RBEE_API_KEY']}, wish ${process.env['WISH']}\n`);
if (values.exit !== undefined) {
  console.error('error: I cannot go on');
  process.exitCode = Number(values.exit);
} else {
  const server = createServer((request, response) => {
    if (request.url === '/die') process.kill(process.pid, 'SIGKILL');
    if (request.url === '/leave') process.exit(0);
    response.end('ok');
  });
  server.listen(Number(values.port), '127.0.0.1');
}
