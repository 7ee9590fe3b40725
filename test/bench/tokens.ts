/**
 * Tokens per second of answers streamed over HTTP, compared with the same library in a script that only computes. With
 * so small a model a token takes a fraction of a millisecond; with a real one, the server's overhead matters less.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { chainModel } from '../../plugins/worker-llamacpp/demo/chain-model.ts';
import { type Bench, row } from './harness/bench.ts';
import { freePorts, untilAnswer } from './harness/ports.ts';
import { plainEnv, root } from './harness/programs.ts';
import { endRaw } from './harness/raw.ts';
import { interleave } from './harness/samples.ts';
import type { DirectAnswer, DirectRequest } from './tokens-direct.ts';

const program = join(root, 'plugins/worker-llamacpp/dist/server/main.js');
const prompt = 'count';
const [context, slots] = [512, 8];
/** Tokens per answer. */
const length = 480;

export const tokens: Bench = async ({ rounds, cleanup }) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-bench-tokens-')));
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  const model = join(folder, 'endless.gguf');
  writeFileSync(model, chainModel({ endless: true }));

  const [port] = (await freePorts(1)) as [number];
  const sizes = ['--context', String(context), '--slots', String(slots), '--threads', '1'];
  const server = spawn(process.execPath, [program, '--model', model, '--port', String(port), ...sizes], {
    env: plainEnv(),
    stdio: 'ignore',
  });
  cleanup.defer(() => endRaw([server], 'SIGKILL'));
  const script = fork(join(import.meta.dirname, 'tokens-direct.ts'), {
    env: plainEnv(),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  cleanup.defer(() => endRaw([script], 'SIGKILL'));
  const ask = async (question: DirectRequest): Promise<DirectAnswer> => {
    script.send(question);
    return ((await once(script, 'message')) as [DirectAnswer])[0];
  };
  await ask({ load: { model, context, sequences: slots } });
  await untilAnswer([port], '/health');

  const served = async (streams: number): Promise<number> => {
    const begun = performance.now();
    const counts = await Promise.all(Array.from({ length: streams }, () => streamedTokens(port)));
    return perSecond(counts, performance.now() - begun);
  };
  const direct = async (streams: number): Promise<number> => {
    const { counts, ms } = await ask({ run: { prompt, streams, length } });
    return perSecond(counts, ms);
  };
  const measured = await interleave(rounds * 2, {
    servedOne: () => served(1),
    directOne: () => direct(1),
    servedAll: () => served(slots),
    directAll: () => direct(slots),
  });
  const aim = { of: 'ratio', atLeast: 0.95 } as const;
  const name = 'node-llama-cpp directly';
  return [
    row({
      what: 'tokens through the server, 1 stream',
      unit: 'tokens/s',
      value: measured.servedOne,
      baseline: { name, value: measured.directOne },
      aim,
    }),
    row({
      what: `tokens through the server, ${slots} streams`,
      unit: 'tokens/s',
      value: measured.servedAll,
      baseline: { name, value: measured.directAll },
      aim,
    }),
  ];
};

/** Reads one streamed answer to its end; returns its token count as the server reports it. */
const streamedTokens = async (port: number): Promise<number> => {
  const body = JSON.stringify({
    prompt,
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: length,
    temperature: 0,
  });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const answer = await new Promise<string>((resolve, reject) => {
    const options = {
      port,
      host: '127.0.0.1',
      path: '/v1/completions',
      method: 'POST',
      headers,
      agent: false,
    } as const;
    const call = request(options, (response) => text(response).then(resolve, reject));
    call.once('error', reject);
    call.end(body);
  });
  const count = Number(/"completion_tokens":(\d+)/.exec(answer.slice(-2_000))?.[1]);
  if (count !== length) throw new Error(`the answer has ${count} tokens: ${answer.slice(-500)}`);
  return count;
};

const perSecond = (counts: readonly number[], ms: number): number =>
  counts.reduce((sum, count) => sum + count, 0) / (ms / 1000);
