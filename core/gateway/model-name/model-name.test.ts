import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import { modelName, modelScan } from './model-name.ts';

const json = (text: string, query = '') =>
  modelName({ contentType: 'application/json', query, body: Buffer.from(text) });
const refused = (text: string) =>
  assert.rejects(json(text), (error) => error instanceof RbeeError && error.code === 'INVALID_INPUT');
/** Long enough to be scanned instead of parsed. */
const filler = 'x"\\{}[],:'.repeat(10_000);

describe('the model of a JSON body', () => {
  it('is found before and after anything, in small and large bodies', async () => {
    const decoys = {
      messages: [{ model: 'inner', content: '"model":"no"' }],
      number: -1.5e3,
      flag: true,
      nothing: null,
    };
    for (const content of ['', filler]) {
      assert.equal(await json(JSON.stringify({ model: 'demo', ...decoys, content })), 'demo');
      assert.equal(await json(JSON.stringify({ ...decoys, content, model: 'demo' })), 'demo');
      assert.equal(await json(JSON.stringify({ ...decoys, content, model: 'demo' }, null, 2)), 'demo');
      assert.equal(
        await json(JSON.stringify({ ...decoys, content, model: 'a "quoted\\" name/é🐝' })),
        'a "quoted\\" name/é🐝',
      );
      assert.equal(await json(JSON.stringify({ ...decoys, content })), undefined);
      assert.equal(await json(`{"content":${JSON.stringify(content)},"mod\\u0065l":"demo"}`), 'demo');
    }
  });

  it('is refused if it is not a string', async () => {
    await refused('{"model": 3}');
    await refused(`{"content":${JSON.stringify(filler)},"model":{"a":"b"}}`);
  });

  it('is refused if the body is not a JSON object', async () => {
    for (const broken of ['', ' ', '[]', '"text"', '{"model":"demo"', '{"model" "demo"}', '{model:"demo"}']) {
      if (broken !== '') await refused(broken);
      await refused(`{"content":${JSON.stringify(filler)},${broken}`);
    }
    await refused(`[${JSON.stringify(filler)}]`);
    await refused(`{"content":"${'x'.repeat(70_000)}`);
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

  it('is found before and after a file', async () => {
    const file: [string, string] = [
      'name="file"; filename="model"\r\nContent-Type: audio/wav',
      `\0\xff name="model"\r\n\r\n${filler}`,
    ];
    assert.equal(await form(['name="model"', 'whisper-tiny'], file), 'whisper-tiny');
    assert.equal(await form(file, ['name="model"', 'whisper-tiny']), 'whisper-tiny');
    assert.equal(await form(['name="empty"', ''], ['name="model"', '']), '');
    assert.equal(await form(file, ['name="submodel"', 'no']), undefined);
  });

  it('is refused if the form is malformed', async () => {
    const contentType = 'multipart/form-data; boundary="b"';
    for (const body of ['nothing', '--b', '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\ncut']) {
      await assert.rejects(modelName({ contentType, query: '', body: Buffer.from(body) }), { code: 'INVALID_INPUT' });
    }
  });
});

it('the model of a request without a body is taken from its query', async () => {
  assert.equal(await modelName({ contentType: undefined, query: 'a=b&model=demo%2Fone', body: null }), 'demo/one');
  assert.equal(await modelName({ contentType: undefined, query: '', body: null }), undefined);
  assert.equal(await json('{"stream":true}', 'model=demo'), 'demo');
});

it('the model of a body in pieces is found wherever the body is split', async () => {
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

it('a name that does not end is not collected in memory', async () => {
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

describe('two names in one request', () => {
  const twice = { code: 'INVALID_INPUT', message: /model is given twice/ };

  // The queen used the last of two names below 64 KiB and the first above, engines the last: a request could be answered by a
  // worker that was not chosen for its model.
  it('are refused in JSON of any size, however the key is spelled', async () => {
    for (const content of ['', filler]) {
      const fill = `"content":${JSON.stringify(content)}`;
      for (const [one, other] of [
        ['"model":"a"', '"model":"b"'],
        ['"model":"a"', '"model":"a"'],
        ['"model":"a"', '"model" : "b"'],
        ['"model":"a"', '"mode\\u006c":"b"'],
        ['"\\u006dodel":"a"', '"model":"b"'],
        ['"\\u006Dodel":"a"', '"m\\u006Fdel":"b"'],
      ]) {
        for (const text of [`{${one},${fill},${other}}`, `{${fill},${one},${other}}`, `{${one},${other},${fill}}`])
          await assert.rejects(json(text), twice, text.slice(0, 80));
      }
    }
  });

  it('are one if the second is a value, or on a deeper level', async () => {
    for (const content of ['', filler]) {
      const more = { content, a: 'model', '"model"': 1, tools: [{ properties: { model: 'b' } }], b: '\\u006d' };
      assert.equal(await json(JSON.stringify({ model: 'a', ...more })), 'a');
      assert.equal(await json(`{"model":"a","b":"\\u006dodel","content":${JSON.stringify(content)}}`), 'a');
    }
  });

  it('are suspected wherever the body is split, and never if there is only one', () => {
    const text = '{"model":"a","b":1,"mod\\u0065l":"b","c":"d"}';
    const single = '{"model":"a","b":"mod","c":"el","d":[1]}';
    for (let size = 1; size <= text.length; size += 1) {
      const scans = [text, single].map((one) => {
        const scan = modelScan('application/json');
        const body = Buffer.from(one);
        for (let at = 0; at < body.length; at += size) scan.push(body.subarray(at, at + size));
        assert.equal(scan.end(), 'a');
        return scan;
      });
      assert.deepEqual(
        scans.map(({ isUnsure }) => isUnsure),
        [true, false],
        `in pieces of ${size}`,
      );
    }
  });

  const form = (contentType: string, ...parts: string[]) =>
    modelName({
      contentType,
      query: '',
      body: Buffer.from(`${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n`),
    });
  const field = (head: string, value: string) => `Content-Disposition: form-data; ${head}\r\n\r\n${value}`;
  const usual = 'multipart/form-data; boundary=b';

  it('are refused in a form, as are two names of one field and two boundaries', async () => {
    const [a, b] = [field('name="model"', 'a'), field('name=model', 'b')];
    await assert.rejects(form(usual, a, b), twice);
    await assert.rejects(form(usual, a, field('name="mod\\el"', 'b')), twice);
    await assert.rejects(form(usual, a, field('\r\n name = "model"', 'b')), twice);
    await assert.rejects(form(usual, field('name="x"; name="model"', 'a')), /a field has two names/);
    await assert.rejects(form('multipart/form-data; boundary=b; boundary=c', a), /two boundaries/);
    const decoy = field('name="file"; filename="x; name=model; y\\"; name=\\"model\\""', 'no');
    assert.equal(await form(usual, decoy, a, decoy), 'a');
  });

  it('are refused in a query, and if query and body differ', async () => {
    await assert.rejects(modelName({ contentType: undefined, query: 'model=a&mod%65l=b', body: null }), twice);
    await assert.rejects(json('{"model":"a"}', 'model=b'), twice);
    assert.equal(await json('{"model":"a"}', 'model=a'), 'a');
  });
});
