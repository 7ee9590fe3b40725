import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnoseByRules, type Ending } from './failure-rules.ts';
import type { FailureRule } from './worker-type.ts';

const rule = (more: Partial<FailureRule>): FailureRule => ({ cause: 'crashed', message: 'it', hint: 'h', ...more });
const ended = (more: Partial<Ending> = {}): Ending => ({
  log: [],
  exit: { code: 1, signal: null },
  wasReady: false,
  ...more,
});
const says = (rules: FailureRule[], ending: Ending): string | undefined => diagnoseByRules(rules, ending)?.message;

test('the first matching rule wins, and its groups come from the last matching line', () => {
  const rules = [
    rule({ pattern: /port (\d+) on (?<host>\S+)/, message: 'port {1} of {host} is taken', hint: 'free {1}' }),
    rule({ pattern: 'PORT', message: 'a port' }),
  ];
  const log = ['port 1 on a', 'port 2 on b', 'PORT'];
  assert.deepEqual(diagnoseByRules(rules, ended({ log })), {
    cause: 'crashed',
    message: 'port 2 of b is taken',
    hint: 'free 2',
  });
  assert.equal(says(rules, ended({ log: ['PORT'] })), 'a port');
  assert.equal(says(rules, ended({ log: ['else'] })), undefined);
});

test('a rule matches an exit code or a signal, alone or together with a pattern', () => {
  const killed = rule({ exit: 'SIGKILL', message: '{exit}' });
  assert.equal(says([killed], ended({ exit: { code: null, signal: 'SIGKILL' } })), 'SIGKILL');
  assert.equal(says([killed], ended({ exit: { code: 137, signal: null } })), 'SIGKILL', 'as a shell passes it on');
  assert.equal(says([killed], ended()), undefined);
  const own = rule({ exit: [64, 65], pattern: /error: (.+)/, message: '{1} ({exit})' });
  assert.equal(says([own], ended({ exit: { code: 65, signal: null }, log: ['error: bad'] })), 'bad (exit code 65)');
  assert.equal(says([own], ended({ exit: { code: 65, signal: null } })), undefined);
  const any = rule({ exit: 'nonzero' });
  assert.equal(says([any], ended({ exit: { code: 0, signal: null } })), undefined);
  assert.equal(says([any], ended({ exit: null })), undefined, 'it still runs');
  assert.equal(says([any], ended({ exit: { code: null, signal: 'SIGSEGV' } })), 'it');
});

test('a rule can apply only before readiness, or only after', () => {
  const rules = [rule({ pattern: /x/, ready: true, message: 'later' }), rule({ pattern: /x/, ready: false })];
  assert.equal(says(rules, ended({ log: ['x'], wasReady: true })), 'later');
  assert.equal(says(rules, ended({ log: ['x'] })), 'it');
});

test('lines are read as a terminal shows them, and matched text is shortened', () => {
  const coloured = rule({ pattern: /^loaded (\d+)%$/, message: '{1}' });
  assert.equal(says([coloured], ended({ log: ['\u001b[32mloaded 1%\u001b[0m\rloaded 2%'] })), '2');
  const long = rule({ pattern: /^(x+)/, message: '{1}' });
  assert.equal(says([long], ended({ log: ['x'.repeat(100_000)] }))?.length, 501);
  const deep = rule({ pattern: /needle/ });
  assert.equal(says([deep], ended({ log: [`${'x'.repeat(5_000)}needle`] })), undefined);
  assert.equal(says([deep], ended({ log: ['needle', ...Array(200).fill('x')] })), undefined);
});

test('a pattern with flag g gives the same result each time', () => {
  const rules = [rule({ pattern: /x/g })];
  for (const _ of [1, 2, 3]) assert.equal(says(rules, ended({ log: ['x'] })), 'it');
});
