import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isErrorBody, RbeeError } from './errors.ts';

test('an error from a hive of an earlier build gets the current code', () => {
  const body: unknown = { code: 'WORKER_BROKE_OFF', message: 'worker a broke off: reset', hint: 'send it again' };
  assert.ok(isErrorBody(body));
  const error = RbeeError.from(body);
  assert.equal(error.code, 'WORKER_CONNECTION_LOST');
  assert.equal(error.status, 502);
  assert.equal(error.toJSON().message, body.message);
});

test('an unknown code of a newer build is kept, with status 500', () => {
  const body = { code: 'FROM_THE_FUTURE', message: 'm', hint: 'h' };
  assert.equal(isErrorBody(body), false);
  const error = RbeeError.from(body as never);
  assert.equal(error.code, 'FROM_THE_FUTURE');
  assert.equal(error.status, 500);
});
