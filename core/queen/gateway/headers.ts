/** Headers on their way through: what belongs to one connection stays there, everything else is passed on as it is. */

/** Those of RFC 9110 section 7.6.1, and what a connection of our own sets anew. */
const ofOneConnection = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
/** `origin` has been judged by the queen; the worker has no say in it. */
const notToWorker = new Set([...ofOneConnection, 'host', 'content-length', 'expect', 'authorization', 'origin']);
const notToClient = new Set(ofOneConnection);

/** Headers for a worker, as a flat list of names and values, from such a list. Its own key takes the place of any other. */
export const headersToWorker = (raw: readonly string[], apiKey: string): string[] => {
  const named = namedByConnection(raw);
  const passed: string[] = [];
  let isTyped = false;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    if (notToWorker.has(name) || named?.has(name)) continue;
    if (name === 'content-type') {
      // The body was read by the first one, so the worker must not read it by another.
      if (isTyped) continue;
      isTyped = true;
    }
    passed.push(name, raw[at + 1]!);
  }
  if (apiKey !== '') passed.push('authorization', `Bearer ${apiKey}`);
  return passed;
};

export type ResponseHeaders = Record<string, string | string[] | undefined>;

/** Headers for the client, from those of a worker. */
export const headersToClient = (headers: ResponseHeaders): ResponseHeaders => {
  const named = typeof headers['connection'] === 'string' ? tokens(headers['connection']) : undefined;
  const passed: ResponseHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    // Which web pages may read an answer is for the queen to say.
    if (notToClient.has(name) || named?.has(name) || name.startsWith('access-control-')) continue;
    passed[name] = value;
  }
  return passed;
};

const namedByConnection = (raw: readonly string[]): Set<string> | undefined => {
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]!.toLowerCase() === 'connection') return tokens(raw[at + 1]!);
  }
  return undefined;
};

const tokens = (value: string): Set<string> => new Set(value.toLowerCase().split(/[\s,]+/));
