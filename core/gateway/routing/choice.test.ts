import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RbeeError } from '../../contract/errors.ts';
import { workerWith } from '../testing.ts';
import { type Candidate, choose, type Load, Names } from './choice.ts';
import { isCorePath } from './core-paths.ts';

const candidate = (id: string, over: Partial<Candidate> & { names?: string[]; running?: number } = {}): Candidate => ({
  key: id,
  worker: workerWith({ id, names: over.names ?? ['demo'], running: over.running ?? 0 }),
  open: over.open ?? true,
  asleep: over.asleep ?? false,
  coming: over.coming ?? false,
  state: over.state ?? 'ready',
});
const load = (inFlight: Record<string, number> = {}, lastUsed: Record<string, number> = {}): Load => ({
  inFlight: (id) => inFlight[id] ?? 0,
  lastUsed: (id) => lastUsed[id] ?? 0,
});
const chat = (model = 'demo') => ({ model, method: 'POST', path: '/v1/chat/completions' });
const pick = (candidates: Candidate[], wanted = chat(), busy = load(), passedOver = new Set<string>()) =>
  choose(wanted, new Names(candidates), busy, passedOver).worker.id;

describe('the choice of a worker', () => {
  it('takes the one with the fewest requests in progress, then the least busy engine, then the one idle for longest', () => {
    const two = [candidate('a', { running: 3 }), candidate('b', { running: 1 }), candidate('c', { running: 1 })];
    assert.equal(pick(two, chat(), load({ a: 0, b: 2, c: 1 })), 'a');
    assert.equal(pick(two, chat(), load({}, { b: 2, c: 1 })), 'c');
    assert.equal(pick(two, chat(), load({ a: 1 })), 'b');
  });

  it('compares shares of the slots where all say how many they have', () => {
    const [small, large] = [candidate('small'), candidate('large')].map((one, nth) => ({
      ...one,
      worker: { ...one.worker, slots: nth === 0 ? 2 : 8 },
    })) as [Candidate, Candidate];
    assert.equal(pick([small, large], chat(), load({ small: 1, large: 3 })), 'large');
    assert.equal(pick([small, large], chat(), load({ small: 1, large: 5 })), 'small');
    assert.equal(pick([candidate('silent'), large], chat(), load({ silent: 1, large: 3 })), 'silent');
  });

  it('prefers a busy one to one whose health check has just failed, which is better than none', () => {
    const ill = candidate('ill');
    const suspect = { ...ill, worker: { ...ill.worker, suspect: true } };
    assert.equal(pick([suspect, candidate('b', { running: 5 })], chat(), load({ b: 9 })), 'b');
    assert.equal(pick([suspect]), 'ill');
  });

  it('prefers an exact name to one in another case', () => {
    const both = [candidate('a', { names: ['Demo'] }), candidate('b', { names: ['demo'] })];
    assert.equal(pick(both, chat('demo')), 'b');
    assert.equal(pick(both, chat('Demo')), 'a');
    assert.equal(pick([both[0]!], chat('DEMO')), 'a');
  });

  it('says whether a retry will help, and what to do if not', () => {
    const closed = (id: string, state: string, coming = false) => candidate(id, { open: false, state, coming });
    const refused = (...candidates: Candidate[]): RbeeError => {
      try {
        pick(candidates);
      } catch (error) {
        return error as RbeeError;
      }
      throw new Error('one was chosen');
    };
    for (const state of ['starting', 'loading', 'unhealthy']) {
      const { code, hint, retryAfter } = refused(closed('a', 'stopped'), closed('b', state, true));
      assert.deepEqual(
        [code, hint, retryAfter],
        ['NO_READY_WORKER', 'it will be ready soon; send the request again', 2],
      );
    }
    for (const [state, hint] of [
      ['stopped', 'start it with: rbee worker start a'],
      ['failed', 'see why with: rbee worker get a'],
      ['lost', 'its machine does not answer; run: rbee hive list'],
      ['draining', 'run: rbee worker list'],
    ] as const) {
      const error = refused(closed('a', state));
      assert.deepEqual([error.hint, error.retryAfter], [hint, undefined]);
    }
  });

  it('ignores :latest unless a name has it, and resolves aliases before names, once', () => {
    const three = [
      candidate('a', { names: ['demo'] }),
      candidate('b', { names: ['exact:latest'] }),
      candidate('c', { names: ['exact'] }),
    ];
    const aliases = new Map([
      ['exact', 'demo'],
      ['fast', 'Demo:latest'],
      ['chain', 'fast'],
      ['gone', 'nope'],
    ]);
    const names = new Names(three, aliases);
    const found = (model: string) => names.named(model).map(({ key }) => key);
    for (const [model, keys] of [
      ['demo:latest', ['a']],
      ['DEMO:latest', ['a']],
      ['exact:latest', ['b']],
      ['exact', ['a']],
      ['fast', ['a']],
      ['fast:latest', ['a']],
      ['chain', []],
      ['gone', []],
      ['demo:other', []],
      [':latest', []],
    ] as const)
      assert.deepEqual(found(model), keys, model);
    assert.deepEqual(
      new Names(three).named('exact').map(({ key }) => key),
      ['c'],
    );
    assert.equal(names.nameAt(three[0]!.worker, 'fast:latest'), 'demo');
    assert.equal(names.nameAt(three[1]!.worker, 'fast'), undefined);
    assert.deepEqual(names.all(), ['exact', 'demo', 'exact:latest']);
  });

  it('skips workers that are not open or that failed this request', () => {
    const three = [candidate('a', { open: false, state: 'loading' }), candidate('b'), candidate('c')];
    assert.equal(pick(three, chat(), load({ c: 9 })), 'b');
    assert.equal(pick(three, chat(), load({ c: 9 }), new Set(['b'])), 'c');
    assert.throws(() => pick(three, chat(), load(), new Set(['b', 'c'])), {
      code: 'NO_READY_WORKER',
      message: /a is loading, b broke off, c broke off/,
    });
  });

  it('suggests similar names for an unknown model, and lists what is served', () => {
    assert.throws(() => pick([candidate('a')], chat('dmeo')), {
      code: 'MODEL_NOT_FOUND',
      message: 'no worker serves the model dmeo; did you mean demo?',
      hint: 'served are: demo',
    });
    assert.throws(() => pick([], chat()), { code: 'MODEL_NOT_FOUND', hint: /rbee worker spawn/ });
  });

  it('names the paths that a model serves when it gets another path or method', () => {
    for (const wanted of [
      { ...chat(), path: '/v1/rerank' },
      { ...chat(), method: 'GET' },
    ]) {
      assert.throws(() => pick([candidate('a')], wanted), { code: 'PATH_NOT_SERVED', hint: /POST \/v1\/embeddings/ });
    }
  });

  it('wakes a worker only if none is ready, and skips one that did not wake', () => {
    const sleeping = (id: string) => candidate(id, { open: false, asleep: true, state: 'sleeping' });
    assert.equal(pick([sleeping('a'), candidate('b', { running: 9 }), sleeping('c')]), 'b');
    const chosen = choose(chat(), new Names([sleeping('a'), sleeping('b')]), load({}, { a: 2, b: 1 }));
    assert.deepEqual([chosen.worker.id, chosen.asleep], ['b', true]);
    assert.equal(pick([sleeping('a'), sleeping('b')], chat(), load(), new Set(['a'])), 'b');
    assert.throws(() => pick([candidate('a', { open: false, state: 'stopped' })]), { code: 'NO_READY_WORKER' });
    assert.deepEqual(
      [...new Names([sleeping('a')]).open()].map(([name]) => name),
      ['demo'],
    );
  });
});

describe('paths of an engine of its own', () => {
  const own = (id: string, name: string, over: Partial<Candidate> = {}): Candidate => ({
    key: id,
    worker: workerWith({
      id,
      names: [name],
      serves: [
        { path: '/v1/images/generations', kind: 'image' },
        { path: '/prompt', method: 'any', kind: 'other' },
        { path: '/history/*', method: 'GET', kind: 'other' },
        { path: '/history/special', method: 'GET', kind: 'embedding' },
        { path: '/upload/*', kind: 'other' },
      ],
    }),
    open: over.open ?? true,
    asleep: false,
    coming: false,
    state: over.state ?? 'ready',
  });
  const servedBy = (method: string, path: string) =>
    choose({ model: 'a', method, path }, new Names([own('1', 'a')]), load()).served;

  it('match what is below them, but not themselves, their siblings or what is above', () => {
    assert.equal(servedBy('GET', '/history/1/2').path, '/history/*');
    assert.equal(servedBy('GET', '/history/special').path, '/history/special');
    assert.equal(servedBy('POST', '/upload/image').path, '/upload/*');
    for (const path of [
      '/history',
      '/history/',
      '/historyx/1',
      '/history/../prompt',
      '/history/%2E%2e/x',
      '/history/.',
    ]) {
      assert.throws(() => servedBy('GET', path), { code: 'PATH_NOT_SERVED' }, path);
    }
  });

  it('accept the methods that they declare', () => {
    assert.equal(servedBy('GET', '/prompt').path, '/prompt');
    assert.equal(servedBy('POST', '/prompt').path, '/prompt');
    assert.throws(() => servedBy('POST', '/history/1'), { hint: /GET, POST \/prompt, GET \/history\/\*/ });
    assert.throws(() => servedBy('GET', '/upload/image'), { code: 'PATH_NOT_SERVED' });
  });

  it('have a kind', () => {
    const names = new Names([own('1', 'a')]);
    const kinds = ['/history/1', '/history/special', '/history', '/upload/image', '/v1/images/generations'];
    assert.deepEqual(
      kinds.map((path) => names.kindOf(path)),
      ['other', 'embedding', undefined, 'other', 'image'],
    );
  });

  it('need no model if only one serves them', () => {
    const model = (candidates: Candidate[], method: string, path: string) =>
      new Names(candidates).onlyModelOf(method, path);
    assert.equal(model([own('1', 'a')], 'GET', '/history/1'), 'a');
    assert.equal(model([own('1', 'a'), own('2', 'a')], 'POST', '/prompt'), 'a');
    assert.equal(model([own('1', 'a'), own('2', 'b')], 'POST', '/prompt'), undefined);
    assert.equal(model([own('1', 'a'), own('2', 'b', { open: false, state: 'stopped' })], 'POST', '/prompt'), 'a');
    assert.equal(model([own('1', 'a', { open: false, state: 'loading' })], 'POST', '/prompt'), 'a');
    assert.equal(model([own('1', 'a')], 'POST', '/v1/images/generations'), undefined);
    assert.equal(model([own('1', 'a')], 'POST', '/v1/nothing'), undefined);
  });
});

describe('the paths of the queen', () => {
  it('cannot be served by a worker type, not even with a wildcard for everything', () => {
    const own = ['/health', '/v1/models', '/v1/models/*', '/v1/jobs/{id}', '/v1/*', '/*', '/v1/{x}', '/{x}/{y}'];
    for (const path of own) assert.ok(isCorePath(path), path);
    for (const path of ['/v1/embeddings', '/history/*', '/models/*', '/v1/images/*', '/v1/batches/{id}'])
      assert.ok(!isCorePath(path), path);
  });
});
