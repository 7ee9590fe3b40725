/** All checks of the examination, in the order in which they run. */
import type { Check } from '../check.ts';
import { binaryChecks } from './binaries.ts';
import { commandChecks } from './command.ts';
import { deviceChecks } from './devices.ts';
import { diagnoseChecks } from './diagnose.ts';
import { estimateChecks } from './estimate.ts';
import { fileChecks } from './files.ts';
import { healthChecks } from './health.ts';
import { identityChecks } from './identity.ts';
import { lifeChecks } from './life.ts';
import { loadChecks } from './load.ts';
import { manifestChecks } from './manifest.ts';
import { optionChecks } from './options.ts';
import { probeChecks } from './probes.ts';
import { purityChecks } from './purity.ts';
import { secretChecks } from './secrets.ts';
import { servingChecks } from './serving.ts';
import { stopChecks } from './stop.ts';
import { variantChecks } from './variants.ts';

export const checks: readonly Check[] = [
  ...identityChecks,
  ...manifestChecks,
  ...purityChecks,
  ...variantChecks,
  ...binaryChecks,
  ...optionChecks,
  ...servingChecks,
  ...commandChecks,
  ...secretChecks,
  ...healthChecks,
  ...stopChecks,
  ...probeChecks,
  ...deviceChecks,
  ...fileChecks,
  ...estimateChecks,
  ...diagnoseChecks,
  ...loadChecks,
  ...lifeChecks,
];
