import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { takesPath } from '../../contract/worker-type/served-path.ts';
import { normalTarget } from './normal-path.ts';

const chat = '/v1/chat/completions';
/** `running` may hold patterns. */
const meant = (
  target: string,
  { running = [chat], installed = [] }: { running?: string[]; installed?: string[] } = {},
) =>
  normalTarget(target, {
    isDeclared: (path) => running.includes(path),
    isServed: (path) => running.some((declared) => takesPath(declared, path)),
    isInstalled: (path) => installed.includes(path),
  });

describe('the path that a client meant', () => {
  it('needs no /v1, no single slashes and no clean end', () => {
    for (const path of [
      chat,
      `${chat}/`,
      `/${chat}`,
      '/chat/completions',
      '/chat/completions/',
      '//chat//completions//',
      '/v1//chat/completions',
    ])
      assert.equal(meant(path), chat, path);
    assert.equal(meant('/models'), '/v1/models');
    assert.equal(meant('/v1/models/'), '/v1/models');
    assert.equal(meant('/models/org/name'), '/v1/models/org/name');
    assert.equal(meant('/health/'), '/health');
    for (const root of ['/', '//', '///']) assert.equal(meant(root), '/');
  });

  it('keeps the query', () => {
    assert.equal(meant('/chat/completions/?a=//b/'), `${chat}?a=//b/`);
    assert.equal(meant(`${chat}?a=//b/`), `${chat}?a=//b/`);
  });

  it('is the path itself where a worker declares it', () => {
    for (const own of ['/models', '/things/', '/a//b', '/chat/completions'])
      assert.equal(meant(own, { running: [chat, own] }), own);
    const comfy = { running: [chat, '/api/*', '/models/*', '/queue'] };
    for (const own of ['/api/view/', '/api/models', '/models/loras', '/queue']) assert.equal(meant(own, comfy), own);
    assert.equal(meant('/queue/', comfy), '/queue');
    assert.equal(meant('//api/view', comfy), '/api/view');
  });

  it('is an exact path before a pattern', () => {
    const running = ['/api/*', '/api/chat', '/v1/api/exact'];
    assert.equal(meant('/api/chat/', { running }), '/api/chat');
    assert.equal(meant('/api/exact', { running }), '/v1/api/exact');
  });

  it('may be one that no running worker serves, if a type that serves it is installed', () => {
    assert.equal(meant('/chat/completions', { running: [], installed: [chat] }), chat);
    assert.equal(meant('/models', { running: [], installed: ['/models'] }), '/v1/models');
  });

  it('stays as it is when nothing is known of it', () => {
    for (const path of ['/favicon.ico', '/api/tags/', '/v1/nope/', '//x', '/v1/', '/V1/models'])
      assert.equal(meant(path), path);
  });
});
