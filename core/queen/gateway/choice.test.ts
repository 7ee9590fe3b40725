import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { workerWith } from '../testing.ts';
import { type Candidate, choose, type Load, Names } from './choice.ts';

const candidate = (id: string, over: Partial<Candidate> & { names?: string[]; running?: number } = {}): Candidate => ({
  worker: workerWith({ id, names: over.names ?? ['demo'], running: over.running ?? 0 }),
  open: over.open ?? true,
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
  it('is the one with the fewest requests under way, then the least busy engine, then the one that waited longest', () => {
    const two = [candidate('a', { running: 3 }), candidate('b', { running: 1 }), candidate('c', { running: 1 })];
    assert.equal(pick(two, chat(), load({ a: 0, b: 2, c: 1 })), 'a');
    assert.equal(pick(two, chat(), load({}, { b: 2, c: 1 })), 'c');
    assert.equal(pick(two, chat(), load({ a: 1 })), 'b');
  });

  it('takes a name as written before one of another case', () => {
    const both = [candidate('a', { names: ['Demo'] }), candidate('b', { names: ['demo'] })];
    assert.equal(pick(both, chat('demo')), 'b');
    assert.equal(pick(both, chat('Demo')), 'a');
    assert.equal(pick([both[0]!], chat('DEMO')), 'a');
  });

  it('passes over workers that are not open, or that failed this request', () => {
    const three = [candidate('a', { open: false, state: 'loading' }), candidate('b'), candidate('c')];
    assert.equal(pick(three, chat(), load({ c: 9 })), 'b');
    assert.equal(pick(three, chat(), load({ c: 9 }), new Set(['b'])), 'c');
    assert.throws(() => pick(three, chat(), load(), new Set(['b', 'c'])), {
      code: 'NO_READY_WORKER',
      message: /a is loading, b broke off, c broke off/,
    });
  });

  it('says near names of an unknown model, and what is served', () => {
    assert.throws(() => pick([candidate('a')], chat('dmeo')), {
      code: 'MODEL_NOT_FOUND',
      message: 'no model dmeo is served; did you mean demo?',
      hint: 'served are: demo',
    });
    assert.throws(() => pick([], chat()), { code: 'MODEL_NOT_FOUND', hint: /rbee worker spawn/ });
  });

  it('says which paths a model serves when it is asked for another one, or by another method', () => {
    for (const wanted of [
      { ...chat(), path: '/v1/rerank' },
      { ...chat(), method: 'GET' },
    ]) {
      assert.throws(() => pick([candidate('a')], wanted), { code: 'PATH_NOT_SERVED', hint: /POST \/v1\/embeddings/ });
    }
  });
});
