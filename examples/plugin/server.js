/** The engine: a process that listens on the host and port it is given. It could be written in any language. */
import { createServer } from 'node:http';

const [host, port, greeting] = process.argv.slice(2);

createServer((_request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ greeting }));
}).listen(Number(port), host);
