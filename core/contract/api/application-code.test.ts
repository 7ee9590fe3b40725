import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, errorCatalogue } from '../errors.ts';
import { applicationCode, catalogueError } from './application-code.ts';

describe('the codes of errors for applications', () => {
  it('are in lower case, and lead back to the catalogue', () => {
    for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
      const shown = applicationCode(code);
      assert.match(shown, /^[a-z][a-z0-9_]+$/);
      const restored = catalogueError({ code: shown, message: 'm', hint: 'h', type: 'server_error', param: null });
      assert.ok(restored, code);
      assert.equal(applicationCode(restored.code), shown);
    }
  });

  it('leave the form of the catalogue, and the errors of engines, as they are', () => {
    const body = { code: 'MODEL_NOT_FOUND', message: 'm', hint: 'h' };
    assert.equal(catalogueError(body), body);
    for (const error of [{ code: 'context_length_exceeded', message: 'm' }, { code: 400, message: 'm' }, 'no', null]) {
      assert.equal(catalogueError(error), undefined);
    }
  });
});
