import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { it } from 'node:test';
import { packageRoot } from '../config/version.ts';
import { asTypedHere } from './program-name.ts';

it('shows commands with npx where rbee is not on the PATH', () => {
  const line = 'RBEE_HOME=/x/rbee-demo rbee queen stop';
  assert.equal(asTypedHere(line, {}, '/'), line);
  assert.equal(asTypedHere(line, {}, dirname(packageRoot())), 'RBEE_HOME=/x/rbee-demo npx rbee queen stop');
  assert.equal(asTypedHere(line, { npm_command: 'exec' }, '/'), 'RBEE_HOME=/x/rbee-demo npx rbee queen stop');
});
