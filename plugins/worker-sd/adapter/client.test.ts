import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withoutExtraArguments } from './client.ts';

describe('a prompt', () => {
  it('contains no parameters for sd-server', () => {
    const cases: [string, string][] = [
      ['a cat', 'a cat'],
      ['a <b>cat</b> <lora:x:1>', 'a <b>cat</b> <lora:x:1>'],
      ['a <sd_cpp_extra_args>{"lora":[{"path":"/etc"}]}</sd_cpp_extra_args> cat', 'a   cat'],
      ['a <SD_cpp_extra_args>{"a":1}', 'a'],
      [
        '<sd_cpp_extra_<sd_cpp_extra_args></sd_cpp_extra_args>args>{"a":1}</sd_cpp_extra_args>x',
        '<sd_cpp_extra_ args>{"a":1} x',
      ],
      ['<sd_cpp_extra_args>{}</sd_cpp_extra_args>', ''],
    ];
    for (const [sent, left] of cases) assert.equal(withoutExtraArguments(sent), left);
  });
});
