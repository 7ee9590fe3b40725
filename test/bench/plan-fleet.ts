/**
 * Reads a `hives.conf` with as many machines as the argument says, each with types, models and ten workers, and plans a
 * sync of a fleet that is already as declared. Prints milliseconds and peak memory in MiB as JSON.
 */
import { parseHivesConf } from '../../core/config/hives-conf.ts';
import type { DesiredHive, ObservedHive } from '../../core/contract/api/sync.ts';
import { desiredHives } from '../../core/sync/desired.ts';
import { driftOf } from '../../core/sync/drift.ts';
import { planFleet } from '../../core/sync/plan.ts';

const hives = Number(process.argv[2]);

const entry = (number: number): string => `[[hive]]
alias = "gpu-${number}"
hostname = "10.${number >> 8}.${number & 255}.1"
ssh_user = "ml"
labels = { rack = "r${number % 20}" }
workers = [{ type = "llama-cpp", version = "^1" }, { type = "vllm", version = "latest" }, { type = "whisper" }]
models = ["hf:org/chat-GGUF:Q4_K_M", "hf:org/listen", "hf:org/embed"]
run = [
  { type = "llamacpp", model = "hf:org/chat-GGUF:Q4_K_M", device = "cuda:0", replicas = 4, options = { context = 8192 } },
  { type = "vllm", model = "hf:org/chat-large", device = "cuda:1", replicas = 4 },
  { type = "whisper", model = "hf:org/listen", device = "cpu", replicas = 2 },
]
`;

/** The machine of this hive when nothing is left to do. */
const asDesired = ({ alias, version, types, models, workers }: DesiredHive): ObservedHive => ({
  alias,
  hostname: alias,
  status: 'online',
  error: null,
  version,
  platform: 'linux-x64',
  complete: true,
  types: types.map((one) => ({ ...one, variants: ['cuda', 'cpu'], source: 'installed', fault: null })),
  models: models.map((model) => ({ model, complete: true })),
  workers: workers.map(({ id, declaration, spec }) => ({
    id,
    type: spec.type,
    state: 'ready',
    pluginVersion: '1.0.0',
    declaration,
    spec,
    name: null,
  })),
});

const source = Array.from({ length: hives }, (_, number) => entry(number)).join('\n');
const resolve = async (type: string) => ({ package: `@rbee/worker-${type}`, version: '1.0.0', integrity: null });
const make = () => desiredHives(parseHivesConf(source, 'hives.conf').hives, { resolve, version: '0.1.0-aaaaaaaa' });
const observed = (await make()).map(asDesired);

const began = performance.now();
const desired = await make();
const plan = planFleet(
  'hives.conf',
  desired.map((hive, index) => ({ desired: hive, observed: observed[index]! })),
);
const drift = driftOf(
  plan,
  desired.map(({ alias }) => alias),
);
const ms = performance.now() - began;
if (!plan.inSync || !drift.inSync) throw new Error(`${plan.steps} steps are left where there should be none`);
process.stdout.write(JSON.stringify({ ms, mib: process.resourceUsage().maxRSS / 1024 }));
