/** Reads HTTP answers from the bytes of a connection. */

export interface RawAnswer {
  status: number;
  /** By lower-case name. */
  headers: Record<string, string>;
  body: Buffer;
}

/** All answers of a connection that has ended. Throws if the bytes are not HTTP or the last answer is incomplete. */
export const readAnswers = (bytes: Buffer, { isHead = false } = {}): RawAnswer[] => {
  const answers: RawAnswer[] = [];
  for (let rest: Buffer = bytes; rest.length > 0; ) {
    const end = rest.indexOf('\r\n\r\n');
    const [first = '', ...lines] = rest.subarray(0, Math.max(end, 0)).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.1 ([1-5]\d\d)( [\x20-\x7e]*)?$/.exec(first)?.[1]);
    if (end < 0 || !status) throw new Error(`not an HTTP answer: ${JSON.stringify(rest.toString('latin1', 0, 300))}`);
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const [, name = '', value = ''] = /^([\w-]+):[ \t]*(.*)$/.exec(line) ?? [];
      if (name === '') throw new Error(`not a header: ${JSON.stringify(line)}`);
      headers[name.toLowerCase()] = value;
    }
    rest = rest.subarray(end + 4);
    const { 'transfer-encoding': coding, 'content-length': length } = headers;
    let body: Buffer = Buffer.alloc(0);
    // If the request was unreadable, so was its method.
    const isEmpty = isHead && (rest.length === 0 || rest.toString('latin1', 0, 5) === 'HTTP/');
    if (isEmpty || status < 200 || status === 204 || status === 304) {
      // None of these has a body.
    } else if (coding === 'chunked') [body, rest] = readChunks(rest);
    else {
      const size = length === undefined ? rest.length : Number(length);
      if (!(size <= rest.length)) throw new Error(`${rest.length} of ${length} bytes arrived`);
      [body, rest] = [Buffer.from(rest.subarray(0, size)), rest.subarray(size)];
    }
    if (status >= 200) answers.push({ status, headers, body });
  }
  return answers;
};

const readChunks = (bytes: Buffer): [Buffer, Buffer] => {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, Math.max(end, at)), 16);
    if (end < 0 || Number.isNaN(size)) throw new Error('the last chunk is missing');
    at = end + 2 + size + 2;
    if (size === 0) return [Buffer.concat(chunks), bytes.subarray(at)];
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
  }
};
