import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import { modelName, modelScan } from './model-name.ts';

const json = (text: string, query = '') =>
  modelName({ contentType: 'application/json', query, body: Buffer.from(text) });
const refused = (text: string) =>
  assert.throws(
    () => json(text),
    (error) => error instanceof RbeeError && error.code === 'INVALID_INPUT',
  );
/** Long enough to be scanned, not parsed. */
const filler = 'x"\\{}[],:'.repeat(10_000);

describe('the model of a JSON body', () => {
  it('is found before and behind anything, small and large', () => {
    const decoys = {
      messages: [{ model: 'inner', content: '"model":"no"' }],
      number: -1.5e3,
      flag: true,
      nothing: null,
    };
    for (const content of ['', filler]) {
      assert.equal(json(JSON.stringify({ model: 'demo', ...decoys, content })), 'demo');
      assert.equal(json(JSON.stringify({ ...decoys, content, model: 'demo' })), 'demo');
      assert.equal(json(JSON.stringify({ ...decoys, content, model: 'demo' }, null, 2)), 'demo');
      assert.equal(
        json(JSON.stringify({ ...decoys, content, model: 'a "quoted\\" name/é🐝' })),
        'a "quoted\\" name/é🐝',
      );
      assert.equal(json(JSON.stringify({ ...decoys, content })), undefined);
      assert.equal(json(`{"content":${JSON.stringify(content)},"mod\\u0065l":"demo"}`), 'demo');
    }
  });

  it('is refused when it is no string', () => {
    refused('{"model": 3}');
    refused(`{"content":${JSON.stringify(filler)},"model":{"a":"b"}}`);
  });

  it('is refused when the body is no JSON object', () => {
    for (const broken of ['', ' ', '[]', '"text"', '{"model":"demo"', '{"model" "demo"}', '{model:"demo"}']) {
      if (broken !== '') refused(broken);
      refused(`{"content":${JSON.stringify(filler)},${broken}`);
    }
    refused(`[${JSON.stringify(filler)}]`);
    refused(`{"content":"${'x'.repeat(70_000)}`);
  });
});

describe('the model of a form', () => {
  const form = (...parts: [string, string][]) => {
    const boundary = '----rbee-boundary';
    const body = parts.map(
      ([head, value]) => `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${value}\r\n`,
    );
    return modelName({
      contentType: `multipart/form-data; boundary=${boundary}`,
      query: '',
      body: Buffer.from(`${body.join('')}--${boundary}--\r\n`, 'latin1'),
    });
  };

  it('is found before and behind a file', () => {
    const file: [string, string] = [
      'name="file"; filename="model"\r\nContent-Type: audio/wav',
      `\0\xff name="model"\r\n\r\n${filler}`,
    ];
    assert.equal(form(['name="model"', 'whisper-tiny'], file), 'whisper-tiny');
    assert.equal(form(file, ['name="model"', 'whisper-tiny']), 'whisper-tiny');
    assert.equal(form(['name="empty"', ''], ['name="model"', '']), '');
    assert.equal(form(file, ['name="submodel"', 'no']), undefined);
  });

  it('is refused when the form is broken', () => {
    const contentType = 'multipart/form-data; boundary="b"';
    for (const body of ['nothing', '--b', '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\ncut']) {
      assert.throws(() => modelName({ contentType, query: '', body: Buffer.from(body) }), { code: 'INVALID_INPUT' });
    }
  });
});

it('the model of a request without a body is in its query', () => {
  assert.equal(modelName({ contentType: undefined, query: 'a=b&model=demo%2Fone', body: null }), 'demo/one');
  assert.equal(modelName({ contentType: undefined, query: '', body: null }), undefined);
  assert.equal(json('{"stream":true}', 'model=demo'), 'demo');
});

it('the model of a body in pieces is found wherever it is cut', () => {
  const boundary = 'b';
  const form = [
    `--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n\r\n--\r\n-b\r\n--`,
    `\r\n--b\r\nContent-Disposition: form-data; name="empty"\r\n\r\n`,
    `\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n-tiny\r\n--b--\r\n`,
  ].join('');
  const bodies: [type: string, text: string, model: string | undefined][] = [
    [`multipart/form-data; boundary=${boundary}`, form, 'whisper\r\n-tiny'],
    [
      'application/json',
      `\ufeff{ "a": [{"model": "no\\\\"}, "\\"", -1.5e3], "b": true, "mod\\u0065l" : "é\\"\\\\" }`,
      'é"\\',
    ],
    ['application/json', '{"a":{"model":"no"},"b":"model","c":7}', undefined],
  ];
  for (const [type, text, model] of bodies) {
    const body = Buffer.from(text);
    for (let size = 1; size <= body.length; size += 1) {
      const scan = modelScan(type);
      for (let at = 0; at < body.length; at += size) {
        const piece = Buffer.from(body.subarray(at, at + size));
        scan.push(piece);
        piece.fill(0);
      }
      assert.equal(scan.end(), model, `in pieces of ${size}: ${text}`);
    }
  }
});

it('a name that does not end is not gathered in memory', () => {
  const endless = Buffer.alloc(20_000, 'x');
  const json = modelScan('application/json');
  json.push(Buffer.from('{"model":"'));
  assert.throws(() => json.push(endless), { code: 'INVALID_INPUT', message: /too long/ });
  const form = modelScan('multipart/form-data; boundary=b');
  form.push(Buffer.from('--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n'));
  assert.throws(() => form.push(endless), { code: 'INVALID_INPUT', message: /too long/ });
  const key = modelScan('application/json');
  key.push(Buffer.from('{"'));
  key.push(endless);
  key.push(Buffer.from('":1,"model":"demo"}'));
  assert.equal(key.end(), 'demo');
});
