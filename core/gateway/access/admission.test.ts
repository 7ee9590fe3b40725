import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AccessRules, type Arrival, admit } from './admission.ts';

const rules: AccessRules = {
  keys: 'auto',
  allowedHosts: [],
  allowedOrigins: [],
  ownNames: ['tower', 'tower.local'],
  url: () => 'http://127.0.0.1:8500',
};
const kindOf = (headers: Arrival['headers'], more: Partial<Arrival> = {}, over: Partial<AccessRules> = {}): string =>
  admit(
    {
      headers: { host: '127.0.0.1:8500', ...headers },
      remoteAddress: '127.0.0.1',
      authority: undefined,
      ...more,
    },
    { ...rules, ...over },
  ).kind;

const lan = { remoteAddress: '192.168.1.20' };

test('a program on this machine needs no key, whatever loopback name and port it uses', () => {
  for (const host of [
    '127.0.0.1:8500',
    '127.9.9.9',
    'localhost',
    'LOCALHOST:18555',
    '[::1]:8500',
    '[::1]',
    'rbee.localhost:1',
  ])
    assert.equal(kindOf({ host }), 'keyless', host);
  for (const remoteAddress of ['::1', '127.0.0.2', '::ffff:127.0.0.1'])
    assert.equal(kindOf({}, { remoteAddress }), 'keyless');
  assert.equal(kindOf({ host: undefined as never }), 'keyless', 'HTTP/1.0 needs no Host');
});

test('everything that did not begin on this machine needs a key', () => {
  assert.equal(kindOf({}, lan), 'needs key');
  assert.equal(kindOf({ host: '192.168.1.2:8500' }, lan), 'needs key', 'addresses need no entry in allowed_hosts');
  assert.equal(kindOf({ host: '10.9.8.7:8500' }, lan), 'needs key', 'also those of a router or container host');
  assert.equal(kindOf({ host: '0.0.0.0:8500' }), 'needs key');
  assert.equal(kindOf({}, { authority: '10.9.8.7' }), 'needs key');
  assert.equal(kindOf({ host: 'tower:8500' }, lan), 'needs key');
  assert.equal(kindOf({ host: 'tower.local' }), 'needs key', 'also from this machine');
  for (const name of ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via'])
    assert.equal(kindOf({ [name]: '127.0.0.1' }), 'needs key', name);
});

test('keys = "always", and an allowed host that is not loopback, ask for a key everywhere', () => {
  assert.equal(kindOf({}, {}, { keys: 'always' }), 'needs key');
  assert.equal(kindOf({}, {}, { allowedHosts: ['ai.example'] }), 'needs key');
  assert.equal(kindOf({}, {}, { allowedHosts: ['rbee.localhost'] }), 'keyless');
});

test('a host name that is not allowed is refused, so that no page can use a name of its own', () => {
  for (const host of [
    'evil.example',
    'evil.example:8500',
    '127.0.0.1.evil.example',
    'localhost:x',
    'a b',
    '',
    '[::1',
    'tower.evil.example',
  ])
    assert.equal(kindOf({ host }), 'refused', host);
  assert.equal(kindOf({}, { authority: 'evil.example' }), 'refused', 'also in the target');
  assert.equal(kindOf({}, { authority: 'localhost:8500' }), 'keyless');
  assert.equal(kindOf({}, { authority: '' }), 'refused');
  const allowedHosts = ['ai.example', '*.lan'];
  for (const host of ['ai.example', 'AI.example:443', 'gpu.lan', 'a.b.lan', 'ai.example.'])
    assert.equal(kindOf({ host }, {}, { allowedHosts }), 'needs key', host);
  for (const host of ['xai.example', 'lan', 'evil-lan', 'ai.example.evil'])
    assert.equal(kindOf({ host }, {}, { allowedHosts }), 'refused', host);
});

test('a page needs its origin in the list, and a page of another site a key as well', () => {
  const list = ['app://obsidian.md', 'chrome-extension://abc', 'http://localhost:3000', 'https://chat.example'];
  const from = (origin: string, allowedOrigins = list) => kindOf({ origin }, {}, { allowedOrigins });
  assert.equal(from('app://obsidian.md'), 'keyless');
  assert.equal(from('chrome-extension://abc'), 'keyless');
  assert.equal(from('http://localhost:3000'), 'keyless');
  assert.equal(from('https://chat.example'), 'needs key');
  for (const origin of [
    'null',
    'http://localhost:3001',
    'https://evil.example',
    'app://other',
    'https://chat.example.evil',
    'file://',
  ])
    assert.equal(from(origin), 'refused', origin);
  assert.equal(from('https://any.example', ['*']), 'needs key');
  assert.equal(from('null', ['*']), 'needs key');
  assert.equal(from('tauri://localhost', ['*']), 'keyless');
});

test('what browsers load without an origin is refused', () => {
  for (const site of ['cross-site', 'same-site']) assert.equal(kindOf({ 'sec-fetch-site': site }), 'refused', site);
  for (const site of ['none', 'same-origin']) assert.equal(kindOf({ 'sec-fetch-site': site }), 'keyless', site);
  assert.equal(kindOf({ 'sec-fetch-site': 'cross-site' }, {}, { allowedOrigins: ['*'] }), 'refused');
});

test('a refusal says what to change', () => {
  const hintOf = (headers: Arrival['headers']) => {
    const verdict = admit({ headers, remoteAddress: '127.0.0.1', authority: undefined }, rules);
    return verdict.kind === 'refused' ? verdict.error.hint : '';
  };
  assert.match(hintOf({ host: 'ai.example:8500' }), /allowed_hosts = \["ai\.example"\]/);
  assert.match(
    hintOf({ host: 'localhost', origin: 'tauri://localhost' }),
    /allowed_origins = \["tauri:\/\/localhost"\]/,
  );
});
