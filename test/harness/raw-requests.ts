/** Random HTTP requests as raw bytes, from valid ones to none at all. The same seed gives the same requests. */
import { gzipSync } from 'node:zlib';

export interface RawRequest {
  /** What is written, one piece after the other. */
  pieces: Buffer[];
  method: string;
  target: string;
  /** The client closes the connection at the end without reading the answer. */
  isCut: boolean;
  /** Complete, so that it must be answered. */
  isWhole: boolean;
}

/** Numbers from 0 to 1. */
export type Random = () => number;

/** mulberry32. */
export const randomFrom = (seed: number): Random => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

export const rawRequest = (random: Random, model: string): RawRequest => {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const chance = (probability: number): boolean => random() < probability;
  const upTo = (limit: number): number => Math.floor(random() * limit);
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => upTo(256)));

  const damaged = (body: Buffer): Buffer => {
    const copy = Buffer.from(body);
    for (let count = upTo(4) + 1; count > 0 && copy.length > 0; count--) copy[upTo(copy.length)] = upTo(256);
    return chance(0.3) ? copy.subarray(0, upTo(copy.length + 1)) : copy;
  };

  const names = [
    ...Array<string>(30).fill(model),
    `${model}:latest`,
    'other',
    '',
    '../x',
    '\u0000',
    '😀',
    'x'.repeat(5_000),
  ];
  const chat = (): Buffer => {
    const wanted: unknown = chance(0.9) ? pick(names) : pick([null, [], {}, 1, true]);
    const content = pick(['hi', '', '\ud800', 'x'.repeat(20_000), null, [{ type: 'text', text: 'hi' }]]);
    const maxTokens = pick([1, 2, 8, 0, -1, 1.5, '2', null]);
    const messages = pick([[{ role: 'user', content }], [], 'hi', null]);
    return Buffer.from(JSON.stringify({ model: wanted, max_tokens: maxTokens, messages, stream: chance(0.3) }));
  };
  const form = (): Buffer => {
    const part = (name: string, value: string) =>
      `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    return Buffer.from(`${part('file', 'sound')}${part('model', pick(names))}${chance(0.7) ? '--b--\r\n' : ''}`);
  };
  const deep = (): Buffer => {
    const depth = pick([10, 1_000, 100_000]);
    return Buffer.from(`{"model":"${model}","a":${'['.repeat(depth)}${chance(0.5) ? ']'.repeat(depth) : ''}}`);
  };
  const twice = (): Buffer => Buffer.from(`{"model":"other","model":"${model}","n":1e999,"m":${'9'.repeat(400)}}`);
  const bomb = (): Buffer => gzipSync(Buffer.alloc(4 * 1024 * 1024));
  const bodies: (() => Buffer)[] = [
    ...[...Array<() => Buffer>(12).fill(chat), form, deep, twice, bomb],
    () => damaged(chat()),
    () => damaged(form()),
    () => gzipSync(chat()),
    () => damaged(gzipSync(chat())),
    () => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), chat()]),
    () => Buffer.from(chat().toString(), 'utf16le'),
    () => Buffer.from(`model=${model}&messages=hi`),
    () => bytes(upTo(2_000)),
    () => Buffer.alloc(0),
    () => Buffer.from(pick(['null', '[]', '"x"', '{', '{}', `{"model"`, `{"model":"${model}"}garbage`])),
  ];

  const usualPaths = ['/v1/chat/completions', '/v1/chat/completions', '/v1/completions', '/chat/completions'];
  const paths = [
    ...['/', '//', '/health', '/v1/models', `/v1/models/${model}`, '/v1/models/%', '/v1/models/%ff', '/v1/jobs'],
    ...['/v1/jobs/x', '/v1/workers', '/v1/status', '/v1/operations', '/v1/embeddings', '/v1/audio/transcriptions'],
    ...['/api/chat', '/metrics', '/counters', '/v1/../v1/jobs', '/%2e%2e/x', '/v1//chat///completions/', '/%00', '/é'],
    ...['*', 'x', '', '/?', '/#', '/v1/chat/completions#x', 'http://127.0.0.1/v1/models', 'http://evil.test/v1/models'],
    ...['http://', 'http:///v1/models', 'ftp://x/', '127.0.0.1:80', `/${'x'.repeat(3_000)}`, `/${'a/'.repeat(1_000)}`],
  ];
  const queries = [
    '',
    '',
    '',
    `?model=${model}`,
    '?model=%',
    '?model=%ff',
    '?model=a&model=b',
    `?${'x'.repeat(9_000)}`,
  ];
  const methods = [
    'GET',
    'HEAD',
    'PUT',
    'DELETE',
    'OPTIONS',
    'PATCH',
    'TRACE',
    'CONNECT',
    'PRI',
    'get',
    '',
    'P\u0000',
    'QUERY',
  ];

  const isUsual = chance(0.6);
  const method = isUsual ? 'POST' : chance(0.4) ? 'POST' : pick(methods);
  const target = (isUsual || chance(0.3) ? pick(usualPaths) : pick(paths)) + pick(queries);
  const version = isUsual || chance(0.9) ? 'HTTP/1.1' : pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/9', 'http/1.1', '']);
  const body = method === 'POST' || chance(0.2) ? (isUsual && chance(0.6) ? chat : pick(bodies))() : null;

  const lines: string[] = [`${method} ${target} ${version}`];
  lines.push(
    ...(isUsual || chance(0.8)
      ? ['host: 127.0.0.1']
      : pick([[], ['host: evil.test'], ['host:'], ['host: a', 'host: b']])),
  );
  const types = [
    'application/json',
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=b',
    'multipart/form-data',
  ];
  const rareTypes = [
    'application/json; charset=utf-16',
    'image/png',
    '/',
    ';',
    'x'.repeat(300),
    'application/x-www-form-urlencoded',
  ];
  if (body && chance(0.9)) lines.push(`content-type: ${chance(0.8) ? pick(types) : pick(rareTypes)}`);
  if (body && chance(0.15))
    lines.push(`content-encoding: ${pick(['gzip', 'br', 'deflate', 'zstd', 'gzip, gzip', 'x', ''])}`);

  let sent: Buffer = body ?? Buffer.alloc(0);
  const framing = isUsual
    ? pick(['length', 'length', 'chunked'])
    : pick(['length', 'chunked', 'wrong', 'broken', 'both', 'none']);
  const chunked = (data: Buffer): Buffer => {
    const chunks: Buffer[] = [];
    for (let at = 0; at < data.length; ) {
      const piece = data.subarray(at, at + 1 + upTo(Math.max(1, data.length)));
      const extension = chance(0.1) ? ';a=b' : '';
      chunks.push(Buffer.from(`${piece.length.toString(16)}${extension}\r\n`), piece, Buffer.from('\r\n'));
      at += piece.length;
    }
    return Buffer.concat([...chunks, Buffer.from(chance(0.1) ? '0\r\nx-trailer: 1\r\n\r\n' : '0\r\n\r\n')]);
  };
  if (body) {
    const codings = ['gzip, chunked', 'chunked, gzip', 'x', 'Chunked', 'chunked, chunked'];
    if (framing === 'length') lines.push(`content-length: ${sent.length}`);
    if (framing === 'wrong')
      lines.push(`content-length: ${pick([sent.length + 5, sent.length - 1, '-1', '1e3', 'x', '', '9'.repeat(30)])}`);
    if (framing === 'both') lines.push(`content-length: ${sent.length}`, 'content-length: 1');
    if (['chunked', 'broken', 'both'].includes(framing)) {
      lines.push(`transfer-encoding: ${framing === 'chunked' ? 'chunked' : pick(codings)}`);
      sent = framing === 'broken' ? damaged(chunked(sent)) : chunked(sent);
    }
  }

  const extras: (() => string)[] = [
    () => `connection: ${pick(['close', 'keep-alive', 'upgrade', 'x', 'close, keep-alive', 'transfer-encoding'])}`,
    () =>
      `connection: upgrade\r\nupgrade: ${pick(['websocket', 'h2c', 'x'])}\r\nsec-websocket-key: AAAA\r\nsec-websocket-version: 13`,
    () => `expect: ${pick(['100-continue', 'x'])}`,
    () => `origin: ${pick(['http://evil.test', 'null', '', 'http://'])}`,
    () => `sec-fetch-site: ${pick(['cross-site', 'none', 'x'])}`,
    () => `authorization: ${pick(['Bearer sk-any', 'Bearer', 'Basic eA==', `Bearer rbee_key00001_${'x'.repeat(43)}`])}`,
    () => `x-api-key: ${pick(['', 'any', 'x'.repeat(5_000)])}`,
    () => `x-request-id: ${pick(['one', '', 'x'.repeat(2_000), '\u0001', 'é'])}`,
    () => `x-forwarded-for: ${pick(['127.0.0.1', ''])}`,
    () => `accept-encoding: ${pick(['gzip', 'identity;q=0', '*'])}`,
    () => `range: bytes=0-1`,
    () => `te: trailers`,
    () => `__proto__: x`,
    () => `x-long: ${'x'.repeat(pick([1_000, 10_000, 20_000]))}`,
    () => Array.from({ length: 300 }, () => 'x: 1').join('\r\n'),
    () =>
      pick(['no colon', ': no name', 'a b: c', 'x: y\r\n folded', 'x\u0000: y', 'x: a\rb', '\r\n\r\nGET / HTTP/1.1']),
  ];
  for (let count = upTo(isUsual ? 2 : 4); count > 0; count--) lines.push(pick(extras)());

  let whole: Buffer = Buffer.concat([Buffer.from(`${lines.join(chance(0.02) ? '\n' : '\r\n')}\r\n\r\n`), sent]);
  const isDamaged = chance(0.05);
  if (isDamaged) whole = damaged(whole);
  const isNoise = chance(0.02);
  if (isNoise) whole = bytes(upTo(3_000));
  if (chance(0.03)) whole = Buffer.concat([whole, whole]);
  const isCut = chance(0.1);
  if (isCut) whole = whole.subarray(0, upTo(whole.length + 1));
  const pieces: Buffer[] = [];
  for (let at = 0; at < whole.length; ) {
    const end = chance(0.7) ? whole.length : at + 1 + upTo(whole.length - at);
    pieces.push(whole.subarray(at, end));
    at = end;
  }
  return { pieces, method, target, isCut, isWhole: isUsual && !isDamaged && !isNoise && !isCut };
};
