import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import * as Parser from '@oclif/core/parser';
import { loadConfig } from './main.ts';

const optionsOf = (type: string): string =>
  readFileSync(join(import.meta.dirname, `../../plugins/worker-${type}/options.ts`), 'utf8');
const config = await loadConfig({ ignoreManifest: true });

/** The command lines of an example that are rbee's own, as a shell splits them. */
const linesOf = (example: string): string[][] =>
  example
    .replace(/ > \S+/, '')
    .split(/&&|\||;/)
    .map((part) => [...part.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? ''))
    .filter(([program]) => program === 'rbee')
    .map(([, ...words]) => words);

const commandOf = (words: readonly string[]) => {
  const one = config.findCommand(words[0] ?? '');
  return one ?? config.findCommand(words.slice(0, 2).join(':'));
};

const examples = config.commands.flatMap(({ id, examples: own = [] }) =>
  own.flatMap((example) =>
    linesOf(typeof example === 'string' ? example : example.command).map((words) => [id, words] as const),
  ),
);

describe('the examples of the help', () => {
  for (const [id, words] of examples) {
    it(`rbee ${words.join(' ')} (of ${id}) can be typed as shown`, async () => {
      const found = commandOf(words);
      assert.ok(found, 'there is no such command');
      const command = await found.load();
      const { flags } = await Parser.parse(words.slice(found.id.split(':').length), {
        args: command.args,
        flags: { ...command.baseFlags, ...command.flags },
        strict: command.strict,
        '--': true,
        // The flag that every command has.
        enableJsonFlag: true,
      } as Parameters<typeof Parser.parse>[1]).catch((error) => {
        if (words.includes('--json') && /Nonexistent flag: --json/.test(error.message)) return { flags: {} };
        throw error;
      });
      const given = ((flags as { option?: string[] }).option ?? []).map((pair) => pair.split('=')[0] ?? '');
      const { type = 'llamacpp' } = flags as { type?: string };
      for (const name of given)
        assert.match(optionsOf(type), new RegExp(`^ {4}${name}: \\{`, 'm'), `${type} has no option ${name}`);
    });
  }
});
