import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Failure } from '@rbee/contract';
import { resolveType } from '../../core/conformance/index.ts';
import type from './index.ts';
import { rootCause } from './last-words.ts';

const { diagnose } = resolveType(type);

interface Recorded extends Pick<Failure, 'log' | 'exit'> {
  name: string;
  cause: string;
  says: string;
  hint?: string;
}
const recorded: Recorded[] = JSON.parse(readFileSync(join(import.meta.dirname, 'failures.json'), 'utf8'));
const failure = (
  log: readonly string[],
  exit: Failure['exit'] = { code: 1, signal: null },
  wasReady = false,
): Failure => ({
  log,
  exit,
  wasReady,
  binary: { id: 'vllm' },
});

describe('the diagnosis of vllm', () => {
  for (const { name, cause, says, hint = '.', log, exit } of recorded) {
    it(`knows ${name}: ${says.replaceAll('\\', '')}`, () => {
      const found = diagnose(failure(log, exit));
      assert.equal(found?.cause, cause);
      assert.match(found.message, new RegExp(says));
      assert.match(found.hint, new RegExp(hint));
      assert.doesNotMatch(found.message + found.hint, /\{\d\}|undefined|NaN|Engine core initialization/);
    });
  }

  it('finds the root cause behind errors that only pass it on', () => {
    const log = [
      '(Worker_TP0 pid=1) ERROR 09-19 15:35:02 [multiproc_executor.py:700] ValueError: the real one',
      "(EngineCore_DP0 pid=2) ERROR 09-19 15:35:02 [core.py:700] RuntimeError: Worker failed with error 'the real one', please check the stack trace above for the root cause",
      '(EngineCore_DP0 pid=2) ERROR 09-19 15:35:02 [core.py:700] Exception: WorkerProc initialization failed due to an exception in a background process. See stack trace for root cause.',
      '(APIServer pid=3) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}',
    ];
    assert.equal(rootCause(log), 'ValueError: the real one');
    assert.match(diagnose(failure(log))?.message ?? '', /before it was ready with ValueError: the real one/);
  });

  it('reads a message that spans several lines', () => {
    const log = [
      "(EngineCore pid=1) ERROR 09-19 15:35:02 [core.py:7] ValueError: To serve at least one request with the models's max seq len (16,384),",
      '(EngineCore pid=1) ERROR 09-19 15:35:02 [core.py:7] (4.00 GiB KV cache is needed, which is larger than the available KV cache memory',
      '(EngineCore pid=1) ERROR 09-19 15:35:02 [core.py:7] (2.50 GiB). Based on the available memory, the estimated maximum model length is 10,240.',
    ];
    assert.match(diagnose(failure(log))?.hint ?? '', /max_model_len=10240/);
    const sparse =
      "ValueError: To serve at least one request with the model's max seq len (8192), 2.0 GiB KV cache is needed, which is larger than the available KV cache memory (0.45 GiB).";
    assert.match(diagnose(failure([sparse]))?.hint ?? '', /max_model_len=4096/);
  });

  it('ignores colours and progress bars', () => {
    const log = [
      '\u001b[36m(EngineCore pid=1)\u001b[0;0m \rLoading: 0%\rtorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 MiB. ',
    ];
    assert.match(diagnose(failure(log))?.message ?? '', /1\.00 MiB more were needed/);
  });

  it('reports that the engine died if the log does not say why', () => {
    const log = [
      'vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.',
    ];
    assert.match(diagnose(failure(log, { code: 1, signal: null }, true))?.message ?? '', /engine of vLLM has died/);
  });

  it('uses the exit code or signal if the log says nothing', () => {
    assert.equal(diagnose(failure([], { code: null, signal: 'SIGKILL' }))?.cause, 'killed');
    assert.equal(diagnose(failure([], { code: 137, signal: null }))?.cause, 'killed');
    assert.match(diagnose(failure([], { code: null, signal: 'SIGILL' }))?.message ?? '', /instructions/);
    assert.match(diagnose(failure([], { code: null, signal: 'SIGSEGV' }))?.message ?? '', /SIGSEGV/);
    assert.equal(diagnose(failure([], { code: 127, signal: null }))?.cause, 'missing_library');
    assert.equal(diagnose(failure([], { code: 0, signal: null }))?.cause, 'crashed');
    assert.equal(diagnose(failure([], { code: 0, signal: null }, true)), undefined);
    assert.equal(diagnose(failure([], { code: 1, signal: null })), undefined);
    assert.equal(diagnose(failure(['loading'], null)), undefined);
  });
});
