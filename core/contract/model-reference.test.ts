import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RbeeError } from './errors.ts';
import { formatModelReference, looksLikeReference, parseModelReference, servedName } from './model-reference.ts';

const refused = (problem: RegExp) => (error: RbeeError) =>
  error.code === 'MODEL_REFERENCE_INVALID' && problem.test(error.message);
const sum = 'a'.repeat(64);

describe('model references', () => {
  it('are parsed and formatted back unchanged', () => {
    const cases = [
      ['demo', { kind: 'demo' }],
      ['file:/m/a.gguf', { kind: 'file', path: '/m/a.gguf' }],
      ['hf:Qwen/Qwen3-0.6B', { kind: 'hf', repo: 'Qwen/Qwen3-0.6B' }],
      ['hf:a/b:Q4_K_M', { kind: 'hf', repo: 'a/b', select: 'Q4_K_M' }],
      ['hf:a/b:sub/x.gguf@v1.0', { kind: 'hf', repo: 'a/b', select: 'sub/x.gguf', revision: 'v1.0' }],
      ['hf:a/b@refs/pr/1', { kind: 'hf', repo: 'a/b', revision: 'refs/pr/1' }],
      ['hf:a/b:x@2.gguf@main', { kind: 'hf', repo: 'a/b', select: 'x@2.gguf', revision: 'main' }],
      [`https://h/x.gguf#sha256=${sum}`, { kind: 'https', url: 'https://h/x.gguf', sha256: sum }],
      [`http://h/x.gguf#sha256=${sum}`, { kind: 'https', url: 'http://h/x.gguf', sha256: sum }],
      ['http://127.0.0.1:80/x', { kind: 'https', url: 'http://127.0.0.1/x' }],
    ] as const;
    for (const [text, expected] of cases) {
      const reference = parseModelReference(text);
      assert.deepEqual(reference, expected, text);
      assert.deepEqual(parseModelReference(formatModelReference(reference)), reference, text);
    }
    assert.deepEqual(parseModelReference('file:///m'), { kind: 'file', path: '/m' });
    assert.deepEqual(parseModelReference('./m'), { kind: 'file', path: './m' });
    assert.deepEqual(parseModelReference('hf://a/b'), { kind: 'hf', repo: 'a/b' });
  });

  // A bare "~" was once treated as a folder name.
  it('may start in the home of the hive user, but not of another user', () => {
    for (const text of ['~/m/a.gguf', 'file:~/m/a.gguf', 'file://~/m/a.gguf']) {
      assert.deepEqual(parseModelReference(text), { kind: 'file', path: '~/m/a.gguf' }, text);
    }
    assert.ok(looksLikeReference('~/a.gguf'));
    for (const text of ['~', '~anna/a.gguf', 'file:~anna/a.gguf']) {
      assert.throws(() => parseModelReference(text), refused(/only ~\/ is expanded.*write the full path/), text);
    }
  });

  it('identify an address without its query, which is sent but never stored', () => {
    const signed = parseModelReference(`https://h/x.gguf?X-Sig=s3cret#sha256=${sum}`);
    assert.deepEqual(signed, { kind: 'https', url: 'https://h/x.gguf', query: '?X-Sig=s3cret', sha256: sum });
    assert.equal(formatModelReference(signed), `https://h/x.gguf#sha256=${sum}`);
  });

  it('never show secrets of a refused address', () => {
    const texts = [
      'https://user:s3cret@h/x.gguf',
      'https://user:s3c/r3t@h/x.gguf',
      'https://h/x.gguf?sig=s3cret#sha1=1',
      'http://h/x.gguf?sig=a s3cret',
      'https://huggingface.co/a/b?token=s3cret',
      'https://[bad/x?sig=s3cret',
    ];
    for (const text of texts)
      assert.throws(
        () => parseModelReference(text),
        (error: RbeeError) => {
          assert.equal(error.code, 'MODEL_REFERENCE_INVALID');
          assert.doesNotMatch(JSON.stringify(error), /s3cret|user/, text);
          return true;
        },
      );
  });

  it('that are nearly right are refused with a suggestion', () => {
    const cases: [string, RegExp][] = [
      ['Qwen/Qwen3-0.6B', /did you mean hf:Qwen\/Qwen3-0\.6B\?/],
      ['Qwen/Qwen3-0.6B:Q8_0', /did you mean hf:Qwen\/Qwen3-0\.6B:Q8_0\?/],
      ['https://huggingface.co/a/b', /did you mean hf:a\/b\?/],
      ['hf:a/b/x.gguf', /hf:a\/b:x\.gguf/],
      ['hf:gpt2', /the repository is missing/],
      ['http://h/x.gguf', /use https/],
      ['https://u:p@h/x.gguf', /password/],
      ['https://h/x.gguf#sha1=1', /sha256=/],
      ['file:', /the path is missing/],
      ['', /must start with hf:/],
      ['ftp://h/x', /must start with hf:/],
    ];
    for (const [text, problem] of cases) assert.throws(() => parseModelReference(text), refused(problem), text);
  });

  it('never name anything outside a folder', () => {
    const texts = [
      'hf:../b',
      'hf:a/..',
      'hf:a/b..c',
      'hf:a/b:../x',
      'hf:a/b:x/../../y',
      'hf:a/b:/etc/passwd',
      'hf:a/b:x//y',
      'hf:a/b:x\\y',
      'hf:a/b@../x',
      'hf:a/b@',
      'hf:a/b:',
      'hf:a/b:x\0y',
      'hf:a/b:x\ny',
      'hf:a/b:\u0085x',
      'hf:a/b:\ud800',
      `hf:a/${'b'.repeat(300)}`,
      `hf:a/b:${'x'.repeat(300)}`,
      `hf:a/b:${'x/'.repeat(3000)}y`,
      'file:/a\0b',
    ];
    for (const text of texts) assert.throws(() => parseModelReference(text), refused(/./), text);
  });

  it('are distinguished from names of served models', () => {
    for (const text of ['demo', 'hf:a/b', 'https://h/x', 'file:/x', '/x', './x', '../x'])
      assert.ok(looksLikeReference(text), text);
    for (const text of ['qwen3-0.6b', 'a/b', 'hfx', 'files']) assert.ok(!looksLikeReference(text), text);
  });

  it('give the name under which a model is served', () => {
    const cases = [
      ['demo', 'demo'],
      ['file:/m/Qwen3-0.6B-GGUF/', 'qwen3-0.6b'],
      ['hf:Qwen/Qwen3-0.6B-GGUF:Q4_K_M', 'qwen3-0.6b'],
      ['hf:a/whisper.cpp:ggml-Tiny.bin', 'ggml-tiny'],
      ['hf:a/b:Q8/Big-00001-of-00003.gguf', 'big'],
      ['https://h/x/My%20Model.gguf?x=1', 'my-model'],
      ['https://host/', 'host'],
    ] as const;
    for (const [text, name] of cases) assert.equal(servedName(parseModelReference(text)), name, text);
  });
});
