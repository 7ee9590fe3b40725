/**
 * Schemas for the answers of an agent. Its machine may be broken or compromised, so all answers are checked.
 * Paths are only valid on that machine.
 */
import Type, { type TSchema } from 'typebox';
import { BadInput } from '../../boundary/bad-input.ts';
import { checked } from '../../boundary/checked.ts';
import { errorBody } from '../../contract/api/hive-answers.ts';
import { absolutePath, count, lineOf, nameOf, pid, port, sha256, textOf, version } from '../../contract/bounds.ts';
import type { AgentError, AgentHello, AgentMethod } from './protocol.ts';

const orNull = (schema: TSchema) => Type.Union([schema, Type.Null()]);

/** Maximum characters of a file, or of the output of a program. */
const fileText = Type.String({ maxLength: 12 * 2 ** 20 });
const entryName = Type.String({ maxLength: 255, pattern: '^(?!\\.{1,2}$)[^/\\u0000]+$' });
const identity = Type.Object({ pid, startTime: nameOf(64), bootId: nameOf(64), group: count });
const nothing = Type.Null();
const yesOrNo = Type.Boolean();

const hello = Type.Object({
  hello: Type.Literal(1),
  pid,
  hostname: lineOf(256),
  machineId: lineOf(128),
  user: lineOf(256),
  home: absolutePath,
  node: version,
  execPath: absolutePath,
  platform: Type.Object({
    os: Type.Enum(['linux', 'darwin']),
    cpu: Type.Enum(['x64', 'arm64']),
    libc: orNull(Type.Enum(['glibc', 'musl'])),
  }),
  now: Type.Number({ minimum: 0, maximum: 8.64e15 }),
  paths: Type.Object({
    config: absolutePath,
    data: absolutePath,
    state: absolutePath,
    cache: absolutePath,
    hiveSocket: absolutePath,
    hivePid: absolutePath,
    logs: absolutePath,
    runs: absolutePath,
  }),
  rbeeHome: orNull(absolutePath),
  env: Type.Record(
    Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }),
    Type.String({ maxLength: 131_072, pattern: '^[^\\u0000]*$' }),
    { maxProperties: 10_000 },
  ),
});

const answers: Record<AgentMethod, TSchema> = {
  run: Type.Object({
    stdout: fileText,
    stderr: fileText,
    code: orNull(Type.Integer({ minimum: 0, maximum: 255 })),
    signal: orNull(nameOf(32)),
  }),
  spawnDetached: Type.Object({ pid }),
  read: orNull(fileText),
  tail: Type.Array(textOf(65_536), { maxItems: 100_000 }),
  write: nothing,
  writtenAt: orNull(Type.Number({ minimum: 0 })),
  remove: nothing,
  list: Type.Array(entryName, { maxItems: 100_000 }),
  mkdir: nothing,
  signal: yesOrNo,
  identity: orNull(identity),
  groupMembers: Type.Array(pid, { maxItems: 100_000 }),
  findByEnvironment: Type.Array(identity, { maxItems: 100_000 }),
  environment: orNull(Type.Array(textOf(131_072), { maxItems: 10_000 })),
  describe: orNull(
    Type.Object({
      startedAt: Type.Number(),
      argv: Type.Array(textOf(131_072), { maxItems: 10_000 }),
      cwd: Type.Optional(textOf(4_096)),
    }),
  ),
  request: Type.Object({ status: Type.Integer({ minimum: 0, maximum: 999 }), body: textOf(65_536) }),
  lock: count,
  unlock: nothing,
  sha256: orNull(sha256),
  unpack: yesOrNo,
  removeTree: nothing,
  readLink: orNull(lineOf(4_096)),
  switchLink: nothing,
  freeBytes: Type.Number({ minimum: 0 }),
  openDoors: Type.Object({ socketPath: absolutePath, port }),
  lease: Type.Union([
    Type.Object({ held: Type.Literal(true) }),
    Type.Object({ held: Type.Literal(false), owner: textOf(256), about: textOf(1_024), since: lineOf(64) }),
  ]),
  release: nothing,
};

const readers = new Map(Object.entries(answers).map(([method, schema]) => [method, checked<unknown>(schema)]));

/** The checked answer of a method. Throws BadInput. */
export const readResult = (method: AgentMethod, value: unknown): unknown => {
  try {
    return readers.get(method)?.(value);
  } catch (error) {
    throw error instanceof BadInput ? new BadInput(`its answer to ${method}: ${error.message}`) : error;
  }
};

export const readHello = checked<AgentHello>(hello);

export const readAgentError = checked<AgentError>(
  Type.Object({
    message: textOf(16_384),
    code: Type.Optional(Type.String({ maxLength: 64, pattern: '^[A-Za-z][A-Za-z0-9_]*$' })),
    body: Type.Optional(errorBody),
  }),
);
