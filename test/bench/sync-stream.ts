/**
 * A token stream through the queen while a sync uploads to the streaming machine and to others: how late tokens arrive,
 * compared with the same stream when nothing else happens.
 */
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tickerPlugin } from '../harness/fleet.ts';
import { type Bench, row } from './harness/bench.ts';
import { fillCache, startFleet, withTicker } from './harness/machines.ts';
import { percentile, samplesOf } from './harness/samples.ts';

const everyMs = 20;
const bulkBytes = 48 * 1024 * 1024;
/** Tokens of the quiet stream. */
const quietTokens = 500;

export const syncStream: Bench = async ({ rounds, cleanup }) => {
  const bulk = bulkyPlugin(cleanup);
  await fillCache();
  const quiet: number[] = [];
  const busy: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await using stack = new AsyncDisposableStack();
    const hosts = ['streams', 'other', 'another'];
    const fleet = await startFleet(stack, { hosts, plugins: [tickerPlugin, bulk] });
    const [streams = '', ...others] = hosts;
    fleet.declare(withTicker(streams));
    await fleet.sync('something');
    const read = (tokens: number, signal?: AbortSignal) =>
      readTimes(fleet.home.paths.queenSocket, { model: `tick-${streams}`, tokens, signal });
    quiet.push(percentile(lateness(await read(quietTokens)), 0.99));
    // From now on, the other machines get everything, and the streaming one gets as much again.
    const more = `${withTicker(streams)}workers = [{ type = "bulk", version = "*" }]\n`;
    fleet.declare([more, ...others.map(withTicker)].join('\n'));
    const ended = new AbortController();
    const reading = read(1_000_000, ended.signal);
    try {
      await fleet.sync('something');
    } finally {
      ended.abort();
    }
    busy.push(percentile(lateness(await reading), 0.99));
  }
  return [
    row({
      what: 'lateness of tokens during uploads, p99',
      unit: 'ms',
      value: samplesOf(busy),
      baseline: { name: 'without uploads', value: samplesOf(quiet) },
      aim: { of: 'value', atMost: 100 + samplesOf(quiet).median },
    }),
  ];
};

/** Arrival times of the tokens in milliseconds. An abort ends the stream without an error. */
const readTimes = async (
  socketPath: string,
  { model, tokens, signal }: { model: string; tokens: number; signal?: AbortSignal | undefined },
): Promise<number[]> => {
  const times: number[] = [];
  const headers = { 'content-type': 'application/json' };
  const call = request({ socketPath, path: '/v1/chat/completions', method: 'POST', headers });
  signal?.addEventListener('abort', () => call.destroy(), { once: true });
  call.end(JSON.stringify({ model, stream: true, max_tokens: tokens, messages: [{ role: 'user', content: 'count' }] }));
  try {
    const [response] = await once(call, 'response');
    if (response.statusCode !== 200) throw new Error(`the stream was answered with ${response.statusCode}`);
    for await (const chunk of response.setEncoding('utf8')) {
      const now = performance.now();
      for (const _ of (chunk as string).matchAll(/"content"/g)) times.push(now);
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
  if (times.length < 10) throw new Error(`only ${times.length} tokens came`);
  return times;
};

/**
 * How late each token arrives, judged by those after it: the worker sends at an even pace, may slow down and never
 * catches up, so a punctual token tells when the earlier ones were sent at the latest.
 */
const lateness = (times: readonly number[]): number[] => {
  let earliest = Number.POSITIVE_INFINITY;
  return times
    .map((time, nth) => time - nth * everyMs)
    .toReversed()
    .map((shift) => {
      earliest = Math.min(earliest, shift);
      return shift - earliest;
    });
};

/** The worker type `bulk`: the ticker with a large file that does not compress. */
const bulkyPlugin = (cleanup: AsyncDisposableStack): string => {
  const folder = mkdtempSync(join(tmpdir(), 'rbee-bench-bulk-'));
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(tickerPlugin, folder, { recursive: true });
  for (const file of ['package.json', 'index.js']) {
    const text = readFileSync(join(folder, file), 'utf8');
    writeFileSync(join(folder, file), text.replaceAll("'ticker'", "'bulk'").replaceAll(/ticker(?=["'])/g, 'bulk'));
  }
  writeFileSync(join(folder, 'bulk.bin'), randomFillSync(Buffer.alloc(bulkBytes)));
  return folder;
};
