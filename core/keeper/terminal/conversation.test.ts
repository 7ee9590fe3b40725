import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { JobEvent } from '../../contract/api/narration.ts';
import { Conversation, type Question } from './conversation.ts';

let seq = 0;
const numbered = (event: object): JobEvent => ({ seq: ++seq, at: '2026-01-01T00:00:00Z', ...event }) as JobEvent;
const info = (text: string) => numbered({ kind: 'info', text });
const asks = (id: string) => numbered({ kind: 'ask', id, question: `${id}?` });
const turn = () => new Promise(setImmediate);

/** A conversation whose questions the test answers. */
const recorded = () => {
  const said: string[] = [];
  const open: { question: Question; signal: AbortSignal; answered: () => void }[] = [];
  const conversation = new Conversation({
    narrate: (event) => said.push('text' in event ? String(event.text) : 'question' in event ? event.question : ''),
    reply: (question, show, signal) => {
      show();
      return new Promise((answered) => open.push({ question, signal, answered }));
    },
  });
  return { said, open, conversation };
};

it('prints nothing while a question waits for its answer, and asks one question at a time', async () => {
  const { said, open, conversation } = recorded();
  for (const event of [info('a'), asks('first'), info('b'), asks('second'), info('c')]) conversation.event(event);
  assert.deepEqual(said, ['a', 'first?']);
  open[0]?.answered();
  await turn();
  assert.deepEqual(said, ['a', 'first?', 'b', 'second?']);
  open[1]?.answered();
  await turn();
  assert.deepEqual(said.slice(4), ['c']);
});

it('asks nothing after the job has ended, and prints what was held back', () => {
  const { said, open, conversation } = recorded();
  for (const event of [asks('first'), info('b'), asks('second')]) conversation.event(event);
  conversation.event(numbered({ kind: 'result', result: null }));
  assert.deepEqual(said, ['first?', 'b']);
  assert.equal(open.length, 1);
  assert.ok(open[0]?.signal.aborted);
});
