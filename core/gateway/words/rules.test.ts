import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServedKind } from '../../contract/worker-type/worker-type.ts';
import { engineError } from './engine-error.ts';
import { reworded } from './reworded.ts';

type Expected = [status: number, code: string, param?: string | null];

const told = (status: number, body: unknown, kind: ServedKind = 'chat') => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return reworded(engineError(status, text), { worker: 'w-1', kind });
};
const llama = (code: number, type: string, message: string, more = {}) => ({ error: { code, type, message, ...more } });
const vllm = (code: number, type: string, message: string, param: string | null = null) => ({
  error: { message, type, param, code },
});
const ours = (type: string, code: string | number, message: string, param: string | null = null) => ({
  error: { message, type, param, code, hint: 'as said' },
});

describe('the error of an engine', () => {
  const cases: [title: string, status: number, body: unknown, expected: Expected, kind?: ServedKind][] = [
    // llama-server
    [
      'llama-server: a prompt that is too long',
      400,
      llama(400, 'exceed_context_size_error', 'request (9 tokens) exceeds the available context size (8 tokens)'),
      [400, 'context_length_exceeded', 'messages'],
    ],
    [
      'llama-server: a text to embed that is too long',
      500,
      llama(500, 'server_error', 'input is too large to process. increase the physical batch size'),
      [400, 'context_length_exceeded', 'input'],
      'embedding',
    ],
    [
      'llama-server: an image for a text model',
      500,
      llama(
        500,
        'server_error',
        'image input is not supported - hint: if this is unexpected, you may need to provide the mmproj',
      ),
      [400, 'unsupported_value', 'messages'],
    ],
    [
      'llama-server: an image that is none',
      500,
      llama(500, 'server_error', 'Failed to load image or audio file'),
      [400, 'invalid_value', 'messages'],
    ],
    [
      'llama-server: a grammar',
      400,
      llama(400, 'invalid_request_error', 'Failed to initialize samplers: failed to parse grammar'),
      [400, 'invalid_grammar', null],
    ],
    [
      'llama-server: a grammar and a schema',
      500,
      llama(500, 'server_error', 'Cannot use both json_schema and grammar'),
      [400, 'invalid_grammar', null],
    ],
    [
      'llama-server: a schema',
      500,
      llama(500, 'server_error', 'JSON schema conversion failed:\nUnrecognized schema: {"type":"odd"}'),
      [400, 'invalid_json_schema', 'response_format'],
    ],
    [
      'llama-server: no messages',
      400,
      llama(400, 'invalid_request_error', "'messages' is required"),
      [400, 'missing_required_parameter', 'messages'],
    ],
    [
      'llama-server: messages of the wrong type',
      400,
      llama(400, 'invalid_request_error', "Expected 'messages' to be an array"),
      [400, 'invalid_value', 'messages'],
    ],
    [
      'llama-server: content of the wrong type',
      400,
      llama(400, 'invalid_request_error', "Expected 'content' to be a string or an array"),
      [400, 'invalid_value', 'messages'],
    ],
    [
      'llama-server: a field of the wrong type',
      500,
      llama(500, 'server_error', '[json.exception.type_error.302] type must be string, but is number'),
      [400, 'invalid_value', null],
    ],
    [
      'llama-server: a body that is not JSON',
      500,
      llama(500, 'server_error', '[json.exception.parse_error.101] parse error at line 1, column 1'),
      [400, 'invalid_body', null],
    ],
    [
      'llama-server: a chat template that refuses the messages',
      500,
      llama(500, 'server_error', 'Jinja Exception: Conversation roles must alternate user/assistant'),
      [400, 'invalid_value', 'messages'],
    ],
    [
      'llama-server: tools without a template for them',
      500,
      llama(500, 'server_error', 'tools param requires --jinja flag'),
      [400, 'unsupported_parameter', 'tools'],
    ],
    [
      'llama-server: a parameter that it does not know',
      500,
      llama(500, 'server_error', 'Unsupported param: echo'),
      [400, 'unsupported_parameter', 'echo'],
      'completion',
    ],
    [
      'llama-server: several answers',
      500,
      llama(500, 'server_error', 'Only one completion choice is allowed'),
      [400, 'unsupported_parameter', 'n'],
    ],
    [
      'llama-server: embeddings of a chat model',
      501,
      llama(501, 'not_supported_error', 'This server does not support embeddings. Start it with `--embeddings`'),
      [400, 'unsupported_value', 'model'],
      'embedding',
    ],
    ['llama-server: loading', 503, llama(503, 'unavailable_error', 'Loading model'), [503, 'worker_not_ready', null]],
    [
      'llama-server: a fault of its own',
      500,
      llama(500, 'server_error', 'Compute error.'),
      [500, 'worker_failed', null],
    ],
    ['llama-server: our key', 401, llama(401, 'authentication_error', 'Invalid API Key'), [500, 'worker_failed', null]],
    ['llama-server: no such path', 404, llama(404, 'not_found_error', 'File Not Found'), [404, 'not_found', null]],
    // vLLM
    [
      'vLLM: a prompt that is too long',
      400,
      vllm(
        400,
        'BadRequestError',
        "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens",
        'input_tokens',
      ),
      [400, 'context_length_exceeded', 'prompt'],
      'completion',
    ],
    [
      'vLLM: a missing field',
      400,
      vllm(
        400,
        'BadRequestError',
        "[{'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required', 'input': {'model': 'm'}}]",
      ),
      [400, 'missing_required_parameter', 'messages'],
    ],
    [
      'vLLM: an unknown model',
      404,
      vllm(404, 'NotFoundError', 'The model `x` does not exist.'),
      [404, 'model_not_found', 'model'],
    ],
    [
      'vLLM: an image for a text model',
      400,
      vllm(400, 'BadRequestError', 'At most 0 image(s) may be provided in one prompt.'),
      [400, 'unsupported_value', 'messages'],
    ],
    [
      'vLLM: a field that it names',
      400,
      vllm(400, 'BadRequestError', 'temperature must be non-negative, got -1.0.', 'temperature'),
      [400, 'invalid_value', 'temperature'],
    ],
    [
      'vLLM: dead',
      500,
      vllm(500, 'InternalServerError', 'EngineCore encountered an issue.'),
      [500, 'worker_failed', null],
    ],
    [
      'vLLM before 0.10',
      400,
      {
        object: 'error',
        message: 'top_p must be in (0, 1], got 2.0.',
        type: 'BadRequestError',
        param: null,
        code: 400,
      },
      [400, 'invalid_value', null],
    ],
    // Our own server
    [
      'the worker server: a wrong field',
      400,
      ours('invalid_request_error', 'invalid_value', 'size must be one of 64x64', 'size'),
      [400, 'invalid_value', 'size'],
      'image',
    ],
    [
      'the worker server: a code of the engine',
      400,
      ours('invalid_request_error', 'audio_unsupported_codec', 'cannot decode the file', 'file'),
      [400, 'audio_unsupported_codec', 'file'],
      'transcription',
    ],
    [
      'the worker server: a full queue',
      429,
      ours('rate_limit_error', 'queue_full', 'all slots are busy'),
      [429, 'rate_limit_exceeded', null],
    ],
    [
      'the worker server: stopping',
      503,
      ours('unavailable_error', 'stopping', 'this worker is stopping'),
      [503, 'worker_not_ready', null],
    ],
    [
      'the worker server: a file that is too large',
      413,
      ours('invalid_request_error', 'file_too_large', 'the file a.wav is too large', 'file'),
      [413, 'file_too_large', 'file'],
      'transcription',
    ],
    // Others
    ['FastAPI: a text', 404, { detail: 'Not Found' }, [404, 'not_found', null]],
    [
      'FastAPI: faults of a body',
      422,
      {
        detail: [
          { type: 'string_type', loc: ['body', 'messages', 0, 'content'], msg: 'Input should be a valid string' },
        ],
      },
      [400, 'invalid_value', 'messages[0].content'],
    ],
    ['a text', 503, { error: 'Model is overloaded', error_type: 'overloaded' }, [429, 'rate_limit_exceeded', null]],
    ['memory', 500, { error: 'CUDA out of memory. Tried to allocate 2 GiB' }, [500, 'out_of_memory', null]],
    [
      'a page',
      502,
      '<html><head><title>x</title></head><body>Bad\n gateway</body></html>',
      [502, 'worker_failed', null],
    ],
    ['nothing', 500, '', [500, 'worker_failed', null]],
    ['an unusual status', 418, 'short and stout', [418, 'invalid_value', null]],
    ['JSON of another shape', 400, '[1, 2]', [400, 'invalid_value', null]],
  ];

  for (const [title, status, body, [shown, code, param = null], kind] of cases) {
    it(`is put into the one shape: ${title}`, () => {
      const { status: given, error } = told(status, body, kind);
      assert.deepEqual([given, error.code, error.param], [shown, code, param]);
      assert.deepEqual(Object.keys(error), ['message', 'type', 'code', 'param', 'hint']);
      assert.equal(error.type === 'server_error', shown >= 500);
      assert.ok(error.message !== '' && error.hint !== '');
    });
  }

  it('keeps what the engine says, without the request and without pages', () => {
    const body =
      "1 validation error:\n  {'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required', 'input': {'prompt': 'secret'}}";
    assert.equal(told(400, vllm(400, 'BadRequestError', body)).error.message, 'messages: Field required');
    const page = '<html><head><style>p{}</style></head><body><p>Bad</p>\n gateway</body></html>';
    assert.equal(told(502, page).error.message, 'worker w-1 failed: Bad gateway');
    assert.ok(told(400, { error: 'x'.repeat(10_000) }).error.message.length < 2_100);
    assert.equal(told(400, ours('invalid_request_error', 'invalid_value', 'no')).error.hint, 'as said');
  });

  it('says when to try again only where that helps', () => {
    assert.equal(told(503, llama(503, 'unavailable_error', 'Loading model')).retryAfter, 2);
    assert.equal(told(429, { error: 'slow down' }).retryAfter, 1);
    assert.equal(told(500, { error: 'out of memory' }).retryAfter, undefined);
    assert.equal(told(503, { error: 'broken' }).retryAfter, undefined);
  });
});
