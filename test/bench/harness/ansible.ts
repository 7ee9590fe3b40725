/** Debian's Ansible, for the cheapest check of machines that it can do. Needs the package `ansible-core`. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machines } from '../../harness/machines.ts';
import { plainEnv, timeOfProgram } from './programs.ts';

/** Checks these files on all machines at once, with connections kept open between runs; returns milliseconds. */
export const ansibleCheck = (
  cleanup: AsyncDisposableStack,
  { hosts, client }: Machines,
  files: readonly string[],
): (() => Promise<number>) => {
  try {
    execFileSync('ansible-playbook', ['--version'], { stdio: 'ignore' });
  } catch (cause) {
    throw new Error('there is no ansible here (Debian: apt-get install ansible-core)', { cause });
  }
  const folder = mkdtempSync(join(tmpdir(), 'rbee-bench-ansible-'));
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'inventory'), `${hosts.map(({ name }) => name).join('\n')}\n`);
  writeFileSync(join(folder, 'check.yml'), playbook(files));
  const config = `[defaults]\nforks = ${hosts.length}\n[ssh_connection]\nssh_common_args = -F ${client.config}\n`;
  writeFileSync(join(folder, 'ansible.cfg'), config);
  const env = plainEnv({ ...client.env, ANSIBLE_CONFIG: join(folder, 'ansible.cfg') });
  const args = ['-i', join(folder, 'inventory'), join(folder, 'check.yml')];
  return () => timeOfProgram('ansible-playbook', args, { env, cwd: folder });
};

const playbook = (files: readonly string[]): string => `- hosts: all
  gather_facts: false
  tasks:
    - stat: { path: "{{ item }}", get_checksum: false, get_mime: false, get_attributes: false }
      register: found
      failed_when: not found.stat.exists
      loop: [${files.map((file) => JSON.stringify(file)).join(', ')}]
`;
