/** A test reporter that writes one line for each skipped test, with its reason. */
import type { TestEvent } from 'node:test/reporters';

export default async function* skipReporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string, void> {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { skip, name, file } = data as { skip?: string | boolean; name: string; file?: string };
    if (skip !== undefined && skip !== false)
      yield `${file ?? ''}: ${name} (${skip === true ? 'no reason given' : skip})\n`;
  }
}
