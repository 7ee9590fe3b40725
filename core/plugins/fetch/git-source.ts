/** Clones a plugin from a git address without running any of it. The only file that runs git. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import npa from 'npm-package-arg';
import { maxSatisfying, validRange } from 'semver';
import { printedLines } from '../../boundary/printed-lines.ts';
import { RbeeError } from '../../contract/errors.ts';
import { plainPath } from '../../contract/safe-path.ts';
import { realInside } from '../../lifecycle/fs/real-inside.ts';
import { localRunner } from '../../lifecycle/system/local-runner.ts';

export interface GitContext {
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

/**
 * Clones `address` into `folder` and returns the package's folder inside it. npm's own handling of git addresses would
 * install build dependencies and run all their scripts. Errors: GIT_FAILED.
 */
export const cloneSource = async (address: string, folder: string, context: GitContext): Promise<string> => {
  const { url, wanted, range, inside } = addressOf(address);
  const git = (args: readonly string[], cwd?: string) => runGit(args, address, context, cwd);
  const version = range === null ? wanted : await tagOf(range, await git(['ls-remote', '--tags', '--', url]), address);
  await git(['clone', '--quiet', ...(version === null ? ['--depth=1'] : []), '--', url, folder]);
  if (version !== null) await git(['checkout', '--quiet', '--detach', version, '--'], folder);
  await rm(join(folder, '.git'), { recursive: true, force: true });
  const path = plainPath(inside.replace(/^\/+/, ''));
  if (path === '') return folder;
  try {
    // A repository may contain symbolic links.
    return await realInside(folder, path);
  } catch (error) {
    throw failed(
      address,
      error instanceof RbeeError ? `${inside} is outside the repository` : `it has no ${inside}`,
      error,
    );
  }
};

interface GitAddress {
  url: string;
  /** Branch, tag or commit; null for the default branch. */
  wanted: string | null;
  /** Version range that the tag must satisfy. */
  range: string | null;
  /** Folder of the package in the repository. */
  inside: string;
}

const addressOf = (address: string): GitAddress => {
  const { hosted, fetchSpec, gitCommittish, gitRange, gitSubdir } = readAddress(address);
  const plain = { noCommittish: true };
  const url = hosted ? (hosted.default === 'sshurl' ? hosted.sshurl(plain) : hosted.https(plain)) : fetchSpec;
  if (!url) throw failed(address, 'it is not a git address');
  const wanted = gitCommittish ?? null;
  if (wanted?.startsWith('-')) throw failed(address, `"${wanted}" is not a commit`);
  return { url: url.replace(/^git\+/, ''), wanted, range: gitRange ?? null, inside: gitSubdir ?? '' };
};

/** The result of npm's parser for git addresses; its published types are incomplete. */
interface ParsedAddress {
  type: string;
  fetchSpec: string | null;
  gitCommittish?: string | null;
  gitRange?: string | null;
  gitSubdir?: string | null;
  hosted?: { default: string; sshurl(options: object): string; https(options: object): string };
}

const readAddress = (address: string): ParsedAddress => {
  try {
    const parsed = npa(address) as unknown as ParsedAddress;
    if (parsed.type === 'git') return parsed;
  } catch {
    // Reported below.
  }
  throw failed(address, 'it is not a git address');
};

/** The newest tag in a version range. */
const tagOf = async (range: string, listed: string, address: string): Promise<string> => {
  const tags = [...listed.matchAll(/refs\/tags\/(\S+?)(?:\^\{\})?$/gm)].map((match) => match[1] ?? '');
  const best = validRange(range) === null ? null : maxSatisfying(tags, range);
  if (best === null) throw failed(address, `it has no tag for ${range}`);
  return best;
};

const runGit = async (
  args: readonly string[],
  address: string,
  { env, signal }: GitContext,
  cwd?: string,
): Promise<string> => {
  const { code, stdout, stderr } = await localRunner
    .run(['git', '-c', 'protocol.ext.allow=never', '-c', 'core.hooksPath=/dev/null', ...args], {
      // A prompt would wait forever: no user sees this terminal.
      env: { ...env, GIT_TERMINAL_PROMPT: '0', GIT_SSH_COMMAND: env['GIT_SSH_COMMAND'] ?? 'ssh -o BatchMode=yes' },
      cwd,
      signal,
    })
    .catch((error) => {
      signal?.throwIfAborted();
      throw failed(address, (error as Error).message, error);
    });
  if (code === 0) return stdout;
  const lines = printedLines(stderr);
  const problem = lines.find((line) => /^(fatal|error): /.test(line)) ?? lines[0] ?? `git exited with code ${code}`;
  throw failed(address, problem.replace(/^(fatal|error): /, ''), undefined, lines);
};

/** Removes a user name and password. */
const failed = (address: string, problem: string, cause?: unknown, lines?: readonly string[]): RbeeError => {
  const plain = (text: string) => text.replace(/\/\/[^/@\s]+@/g, '//');
  return RbeeError.of(
    'GIT_FAILED',
    { address: plain(address), problem: plain(problem) },
    { cause, lines: lines?.slice(0, 20).map(plain) },
  );
};
