import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { readStdin } from './stdin.ts';

test('piped input is read to its end', async () => {
  assert.equal(String(await readStdin(10, Readable.from([Buffer.from('12345'), Buffer.from('67890')]))), '1234567890');
});

test('an endless pipe is refused as soon as the limit is passed, and read no further', async () => {
  let given = 0;
  const endless = Readable.from(
    (function* () {
      for (;;) {
        given += 1;
        yield Buffer.alloc(1_000);
      }
    })(),
  );
  await assert.rejects(readStdin(10_000, endless), {
    code: 'FILE_TOO_LARGE',
    message: /^stdin is larger than 9\.8 KiB/,
    hint: /send a smaller file/,
  });
  assert.ok(endless.destroyed && given < 100, `${given} pieces were read`);
});
