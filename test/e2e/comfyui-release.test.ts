/** A release of ComfyUI through a real hive: a real archive and real pip, with local folders instead of the network. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';

let home: TestHome;
before(() => {
  home = createHome();
  for (const name of Object.keys(home.env)) if (/^(PIP_|UV_|RBEE_COMFYUI$)/.test(name)) delete home.env[name];
  const bin = join(home.folder, 'bin');
  mkdirSync(bin);
  const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
  symlinkSync(python, join(bin, 'python3'));
  mkdirSync(join(home.folder, 'settings/pip'), { recursive: true });
  const wheels = join(home.folder, 'release/wheels');
  writeFileSync(join(home.folder, 'settings/pip/pip.conf'), `[global]\nno-index = true\nfind-links = ${wheels}\n`);
  const path = [bin, '/usr/bin', '/bin'].join(delimiter);
  Object.assign(home.env, { PATH: path, XDG_CONFIG_HOME: join(home.folder, 'settings') });
});
after(() => home.close());

const standIn = resolve(import.meta.dirname, '../../plugins/worker-comfyui/test/comfyui-stand-in.ts');

/** An archive like GitHub's, whose `main.py` imports what is to be installed and then becomes the stand-in. */
const script = `
import io, os, sys, tarfile, zipfile
work, node, script = sys.argv[1:]
os.makedirs(f"{work}/wheels")
main = f"import os, sys, torch, torchvision, aiohttp\\nos.execv({node!r}, [{node!r}, {script!r}, *sys.argv[1:]])\\n"
with tarfile.open(f"{work}/release.tar.gz", "w:gz") as tar:
    for name, text in (("main.py", main), ("requirements.txt", "torch\\naiohttp\\n")):
        entry = tarfile.TarInfo(f"ComfyUI-9.9.9/{name}")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text.encode()))
for name in ("torch", "torchvision", "torchaudio", "aiohttp"):
    info = f"{name}-0.1.dist-info/"
    with zipfile.ZipFile(f"{work}/wheels/{name}-0.1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(info + "METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 0.1\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
`;

import { atFullScale } from '../harness/until.ts';

/** Puts the release into the hive's download cache; returns its SHA-256. */
const writeRelease = (): string => {
  const work = join(home.folder, 'release');
  execFileSync('python3', ['-c', script, work, process.execPath, standIn]);
  const archive = readFileSync(join(work, 'release.tar.gz'));
  const sha256 = createHash('sha256').update(archive).digest('hex');
  const downloads = join(home.paths.cache, 'downloads');
  mkdirSync(downloads, { recursive: true });
  writeFileSync(join(downloads, sha256), archive);
  return sha256;
};

test('without ComfyUI on the machine, a release is installed once, with its own environment and PyTorch', {
  skip: atFullScale,
}, async () => {
  const options = ['release=9.9.9', `release_sha256=${writeRelease()}`, 'size=64x64'];
  const spawn = (id: string) =>
    home.rbee([
      ...['worker', 'spawn', '--type', 'comfyui', '--device', 'cpu', '--id', id, '--name', id],
      ...options.flatMap((option) => ['--option', option]),
    ]);
  const first = await spawn('first');
  assert.equal(first.code, 0, first.stdout + first.stderr);
  const steps = [
    /creating a Python environment with python3/,
    /installing torch torchvision torchaudio with pip/,
    /installing requirements\.txt with pip/,
  ];
  for (const said of steps) assert.match(first.stderr, said);
  assert.equal((await home.json(['worker', 'get', 'first'])).engine, 'release');
  const second = await spawn('second');
  assert.equal(second.code, 0, second.stdout + second.stderr);
  assert.doesNotMatch(second.stderr, /installing|creating a Python environment/);
  // What a worker was started from is kept, even though no plugin names this release itself.
  await home.json(['worker', 'stop', 'first', '--now']);
  await home.json(['worker', 'delete', 'second', '--now']);
  await home.json(['plugins', 'prune']);
  const again = await home.rbee(['worker', 'start', 'first']);
  assert.equal(again.code, 0, again.stderr);
  assert.doesNotMatch(again.stderr, /installing/);
});
