import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { languageCode, languageCodes, languageName } from './languages.ts';

describe('languages', () => {
  it('are known by code, by region and by name', () => {
    for (const [written, code] of [
      ['de', 'de'],
      ['DE', 'de'],
      ['de-AT', 'de'],
      ['pt_BR', 'pt'],
      ['German', 'de'],
      [' english ', 'en'],
      ['Mandarin', 'zh'],
      ['yue', 'yue'],
      ['klingon', undefined],
      ['', undefined],
    ] as const) {
      assert.equal(languageCode(written), code, written);
    }
  });

  it('have an English name that maps back to them', () => {
    assert.equal(languageCodes.length, 100);
    assert.equal(languageName('en'), 'english');
    for (const code of languageCodes) {
      assert.match(languageName(code), /^[a-zāåç .()-]{3,}$/u, code);
      assert.equal(languageCode(languageName(code)), code, code);
    }
  });
});
