import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { printForMachines } from './machine.ts';
import { printForPeople } from './people.ts';
import { recorder, shown } from './testing.ts';

describe('narration in a pipe', () => {
  it('is one plain line for each start and end', () => {
    const narration = recorder(false);
    const answer = recorder(false);
    const printer = printForPeople({ narration, answer });
    printer.event({ kind: 'step', id: 'a', text: 'starting llamacpp', on: 'hive local' });
    printer.event({ kind: 'done', id: 'a', ms: 1234 });
    printer.event({ kind: 'warning', text: 'no limits here', hint: 'use systemd' });
    printer.close();
    assert.equal(
      narration.written,
      'hive local: starting llamacpp\ndone: hive local: starting llamacpp (1.2 s)\nwarning: no limits here (try: use systemd)\n',
    );
    assert.equal(answer.written, '');
  });

  it('shows progress in tenths, and none for a very short step', () => {
    const lines = (pauseMs: number): number => {
      const narration = recorder(false);
      let now = 0;
      const printer = printForPeople({ narration, answer: recorder(false), now: () => now });
      printer.event({ kind: 'step', id: 'a', text: 'loading' });
      for (let done = 0; done <= 1000; done++) {
        printer.event({ kind: 'progress', id: 'a', done, total: 1000 });
        now += pauseMs;
      }
      printer.close();
      return narration.written.split('\n').length - 2;
    };
    assert.equal(lines(1000), 10);
    assert.equal(lines(1), 0);
  });

  it('forwards the text of an answer, and ends its last line', () => {
    const answer = recorder(false);
    const printer = printForPeople({ narration: recorder(false), answer });
    for (const text of ['bees\t\ud83d', '\udc1d\r', '\nhum', '\u001b[1m']) printer.event({ kind: 'text', text });
    printer.close();
    assert.equal(answer.written, 'bees\t\u{1f41d}\nhum\\x1b[1m\n');
  });

  it('shows which step failed', () => {
    const narration = recorder(false);
    const printer = printForPeople({ narration, answer: recorder(false) });
    printer.event({ kind: 'step', id: 'a', text: 'loading' });
    printer.close('failed');
    assert.equal(narration.written, 'loading\nfailed: loading\n');
  });
});

describe('narration on a terminal', () => {
  it('turns each running step into a tick in its place, and leaves nothing else', () => {
    const narration = recorder(true);
    let now = 0;
    const printer = printForPeople({ narration, answer: narration, now: () => now });
    printer.event({ kind: 'step', id: 'a', text: 'starting the queen' });
    printer.event({ kind: 'step', id: 'b', text: 'loading' });
    printer.event({ kind: 'progress', id: 'b', done: 512 * 1024, total: 1024 * 1024, unit: 'bytes' });
    assert.match(shown(narration.written).join('\n'), /loading .*█{10}░{10} 50 % {2}512 KiB of 1 MiB$/);
    now = 1500;
    printer.event({ kind: 'done', id: 'a' });
    printer.event({ kind: 'done', id: 'b', text: 'ready', ms: 90 });
    printer.close();
    assert.deepEqual(shown(narration.written), ['✔ starting the queen (1.5 s)', '✔ ready (90 ms)', '']);
  });

  it('does not draw on the line of an answer', () => {
    const screen = recorder(true);
    const printer = printForPeople({ narration: screen, answer: screen });
    printer.event({ kind: 'step', id: 'a', text: 'answering' });
    printer.event({ kind: 'text', text: 'The bees' });
    printer.event({ kind: 'text', text: ' hum.' });
    printer.event({ kind: 'done', id: 'a', text: 'answered', ms: 5 });
    printer.close();
    assert.deepEqual(shown(screen.written), ['The bees hum.', '✔ answered (5 ms)', '']);
  });

  it('ends the line of a question on the stream of the question, not of the answer', () => {
    const [screen, answer] = [recorder(true), recorder(false)];
    const printer = printForPeople({ narration: screen, answer });
    printer.event({ kind: 'ask', id: 'ask-1', question: 'The passphrase?', secret: true });
    printer.event({ kind: 'info', text: 'thanks' });
    printer.block('a\nb\n');
    printer.close();
    assert.deepEqual(shown(screen.written), ['? The passphrase? ', '· thanks', '']);
    assert.equal(answer.written, 'a\nb\n');
  });

  it('does not let an answer control the terminal', () => {
    const screen = recorder(true);
    const printer = printForPeople({ narration: screen, answer: screen });
    printer.event({ kind: 'text', text: '\u001b]0;gotcha\u0007' });
    printer.close();
    assert.equal(screen.written, '\\x1b]0;gotcha\\x07\n');
  });

  it('keeps every line within the width, so that it can be erased completely', () => {
    const screen = recorder(true);
    const printer = printForPeople({ narration: screen, answer: screen });
    printer.event({ kind: 'step', id: 'a', text: 'x'.repeat(500) });
    assert.ok((shown(screen.written).at(-1) ?? '').length < 60);
    printer.close('failed');
  });
});

describe('narration for machines', () => {
  it('is one JSON object per line', () => {
    const sink = recorder(false);
    printForMachines(sink)({ kind: 'info', text: 'a\nb' });
    assert.deepEqual(JSON.parse(sink.written), { kind: 'info', text: 'a\nb' });
    assert.equal(sink.written.split('\n').length, 2);
  });
});
