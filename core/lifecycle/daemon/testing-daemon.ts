/** A daemon that answers its health check on a socket. Its arguments say how it misbehaves. */
export const daemonProgram = `
import { createServer } from 'node:http';
import { mkdirSync, rmSync } from 'node:fs';
const [socket, ...flags] = process.argv.slice(2);
const started = Date.now();
console.log('starting');
if (flags.includes('exit')) { console.error('port is taken'); process.exit(5); }
if (flags.includes('alone')) {
  try { mkdirSync(socket + '.owned'); } catch { console.error('another one owns it'); process.exit(5); }
}
if (flags.includes('deaf')) process.on('SIGTERM', () => console.log('deaf'));
if (flags.includes('silent')) setInterval(() => {}, 1000);
else {
  const name = flags.includes('other') ? 'other' : 'queen';
  if (flags.includes('waits')) {
    const alive = setInterval(() => {}, 1000);
    await new Promise((resolve) => process.once('SIGUSR1', resolve));
    clearInterval(alive);
  }
  rmSync(socket, { force: true });
  createServer((_, outgoing) => {
    if (flags.includes('sick')) outgoing.statusCode = 500;
    if (flags.includes('rude')) return void outgoing.end('{}');
    outgoing.end(JSON.stringify({ status: 'ok', name, version: '1', pid: process.pid, instance: 'i', startedAt: '' }));
  }).listen(socket);
}
`;
