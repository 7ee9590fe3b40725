/** The metrics of one worker, in their own registry, in the Prometheus text format. */
import { Counter, Histogram, Gauge as PrometheusGauge, Registry } from 'prom-client';
import type { Gauge, TokenCount } from './options.ts';
import type { Slots } from './slots.ts';

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  count(tokens: TokenCount): void;
  /** One request has ended, `seconds` after it arrived; 499 if the client disconnected. */
  ended(path: string, status: number, seconds: number): void;
  /** The first byte of an answer, `seconds` after the request arrived. */
  firstByte(path: string, seconds: number): void;
}

const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export const createMetrics = (slots: Slots, gauges: readonly Gauge[] = []): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  const own: Gauge[] = [
    { name: 'rbee_requests_running', help: 'Requests that hold a slot', value: ({ running }) => running },
    { name: 'rbee_requests_waiting', help: 'Requests that wait for a slot', value: ({ waiting }) => waiting },
    { name: 'process_resident_memory_bytes', help: 'Resident memory in bytes', value: () => process.memoryUsage.rss() },
  ];
  for (const { name, help, value } of [...own, ...gauges]) {
    new PrometheusGauge({
      name,
      help,
      registers,
      collect() {
        this.set(value({ running: slots.running, waiting: slots.waiting }));
      },
    });
  }
  const requests = new Counter({
    name: 'rbee_requests_total',
    help: 'Requests that have ended; status 499 if the client disconnected',
    labelNames: ['path', 'status'],
    registers,
  });
  const prompt = new Counter({ name: 'rbee_tokens_prompt_total', help: 'Tokens of prompts', registers });
  const generated = new Counter({ name: 'rbee_tokens_generated_total', help: 'Tokens generated', registers });
  const duration = new Histogram({
    name: 'rbee_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its answer',
    labelNames: ['path'],
    buckets,
    registers,
  });
  const first = new Histogram({
    name: 'rbee_time_to_first_byte_seconds',
    help: 'Time from the arrival of a request to the first byte of its answer',
    labelNames: ['path'],
    buckets,
    registers,
  });

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    count: (tokens) => {
      if (tokens.prompt) prompt.inc(tokens.prompt);
      if (tokens.generated) generated.inc(tokens.generated);
    },
    ended: (path, status, seconds) => {
      requests.inc({ path, status: String(status) });
      duration.observe({ path }, seconds);
    },
    firstByte: (path, seconds) => first.observe({ path }, seconds),
  };
};
