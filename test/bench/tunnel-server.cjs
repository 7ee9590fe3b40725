// `tunnel-server.cjs PORT`: answers `/N` with N bytes, on every address of its machine.
const { createServer } = require('node:http');

const piece = Buffer.alloc(256 * 1024, 'rbee');

createServer((request, response) => {
  let left = Number(request.url.slice(1));
  response.setHeader('content-length', left);
  const go = () => {
    while (left > 0) {
      const chunk = piece.subarray(0, Math.min(left, piece.length));
      left -= chunk.length;
      if (!response.write(chunk) && left > 0) return response.once('drain', go);
    }
    response.end();
  };
  go();
}).listen(Number(process.argv[2]), '0.0.0.0');
