/** Inputs that a plugin's parsers and command lines must survive. */

/** Control characters, broken encodings, truncated JSON, numbers out of range. */
export const malformedOutput = [
  '\u0000\u0001\u001b[31m\ufffd\ud800',
  '{"devices":[{"name":',
  'NaN Infinity -1 1e999 99999999999999999999',
  '$(reboot) `reboot` ; rm -rf / \\ "\'',
  '\t\r\n\n  : (, ) MiB %',
].join('\n');

/** A megabyte in one line, and fifty thousand lines. */
export const hugeOutput = `${'x'.repeat(2 ** 20)}\n${'  Device 0: something (1 MiB, 1 MiB free)\n'.repeat(50_000)}`;

/** Texts that a shell would interpret. */
export const shellTexts = [
  'two words',
  'quo"te',
  "apo'strophe",
  '$(touch pwned)',
  '`touch pwned`',
  '; touch pwned',
  '&& touch pwned',
  '| tee pwned',
  'new\nline',
  'back\\slash',
  '$HOME',
  '*',
  '%PATH%',
  'größe-模型',
] as const;
