/** Checks before a spawn whether it can work, to report the reason and not just an exit code. */
import { constants, type Stats } from 'node:fs';
import { access, open, readdir, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import { exists, isFolder } from '../fs/file-kind.ts';

export type ProgramCheck =
  | { ok: true; path: string }
  | {
      ok: false;
      reason: 'missing' | 'no_folder' | 'not_executable' | 'wrong_architecture';
      /** What is wrong, and what to try. */
      problem: string;
      hint: string;
    };

/** Finds a program as the system would, and checks whether this machine can run it. */
export const checkProgram = async (program: string, place: { path?: string; cwd: string }): Promise<ProgramCheck> => {
  if (!(await isFolder(place.cwd))) {
    return {
      ok: false,
      reason: 'no_folder',
      problem: `the working folder ${place.cwd} does not exist`,
      hint: 'create that folder, or choose another',
    };
  }
  let refused: ProgramCheck | undefined;
  for (const path of candidates(program, place)) {
    const check = await checkFile(path);
    if (check?.ok) return check;
    refused ??= check ?? undefined;
  }
  const where = program.includes('/') ? '' : ' on PATH';
  return (
    refused ?? {
      ok: false,
      reason: 'missing',
      problem: `program ${program} not found${where}`,
      hint: `install ${program}, or give the right path`,
    }
  );
};

/** Throws NOT_ENOUGH_MEMORY when `needed` bytes are more than `available`. */
export const checkMemory = (
  needed: number,
  { available, what, where }: { available: number; what: string; where: string },
): void => {
  if (needed <= available) return;
  throw RbeeError.of('NOT_ENOUGH_MEMORY', { what, where, needed: gibibytes(needed), free: gibibytes(available) });
};

/** Bytes of main memory available to a new process, within the limits of this process's control group. */
export const availableMemory = (): number => process.availableMemory();

const gibibytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;

const candidates = (program: string, { path, cwd }: { path?: string; cwd: string }): string[] => {
  if (isAbsolute(program)) return [program];
  if (program.includes('/')) return [resolve(cwd, program)];
  return (path ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, program));
};

/** Null when there is no such file. */
const checkFile = async (path: string): Promise<ProgramCheck | null> => {
  const facts = await stat(path).catch(() => null);
  if (facts === null) return null;
  if (!facts.isFile()) {
    return {
      ok: false,
      reason: 'not_executable',
      problem: `${path} is not a program`,
      hint: 'name the program itself, not its folder',
    };
  }
  const executable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!executable)
    return {
      ok: false,
      reason: 'not_executable',
      problem: `${path} is not executable`,
      hint: `run: chmod u+x ${path}`,
    };
  return (await checkHeader(path, facts)) ?? { ok: true, path };
};

/** ELF `e_machine` of Node's processor names. */
const machines: Readonly<Record<string, number>> = {
  ia32: 3,
  s390x: 22,
  arm: 40,
  x64: 62,
  arm64: 183,
  riscv64: 243,
  loong64: 258,
};

/** Programs whose header was checked, with the file's version at that time: repeated starts read it once. */
const runnable = new Map<string, string>();

const checkHeader = async (path: string, { dev, ino, size, mtimeMs }: Stats): Promise<ProgramCheck | undefined> => {
  const version = `${dev} ${ino} ${size} ${mtimeMs}`;
  if (runnable.get(path) === version) return undefined;
  const start = await firstBytes(path);
  if (start === null) return undefined;
  if (start.subarray(0, 2).toString() === '#!') return await checkInterpreter(path, start);
  const built = process.platform === 'linux' ? builtFor(start) : null;
  if (built === null || built === process.arch || (await canEmulate())) {
    runnable.set(path, version);
    return undefined;
  }
  const problem = `${path} is built for ${built}, this machine is linux ${process.arch}`;
  return { ok: false, reason: 'wrong_architecture', problem, hint: `get the build for linux ${process.arch}` };
};

/**
 * The machine that a program is built for; null when its header does not show it. 32-bit programs are left to the
 * system.
 */
export const builtFor = (start: Buffer): string | null => {
  if (start.length >= 20 && start.readUInt32BE(0) === 0x7f454c46) {
    if (start[4] !== 2) return null;
    const machine = start[5] === 2 ? start.readUInt16BE(18) : start.readUInt16LE(18);
    return (
      Object.keys(machines).find((name) => machines[name] === machine) ?? `another processor (ELF machine ${machine})`
    );
  }
  if (start.length >= 4 && [0xcffaedfe, 0xcefaedfe, 0xcafebabe].includes(start.readUInt32BE(0))) return 'macOS';
  return start.subarray(0, 2).toString() === 'MZ' ? 'Windows' : null;
};

/** The system reports a missing interpreter as ENOENT for the script, which exists. */
const checkInterpreter = async (path: string, start: Buffer): Promise<ProgramCheck | undefined> => {
  const interpreter = /^#!\s*(\S+)[^\n]*\n/.exec(start.toString('latin1'))?.[1];
  if (interpreter === undefined || !isAbsolute(interpreter)) return undefined;
  if (await exists(interpreter)) return undefined;
  return {
    ok: false,
    reason: 'missing',
    problem: `${path} needs ${interpreter}, which does not exist`,
    hint: `install ${interpreter}, or correct the first line of ${path}`,
  };
};

/** With an emulator registered, programs for other processors run too. */
const canEmulate = async (): Promise<boolean> =>
  (await readdir('/proc/sys/fs/binfmt_misc').catch(() => [])).some(
    (name) => !['register', 'status'].includes(name) && !name.startsWith('python'),
  );

const firstBytes = async (path: string): Promise<Buffer | null> => {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    // A program can be executable without being readable.
    return null;
  }
};
