import { describe, it } from 'node:test';
import { examine } from '@rbee/core/conformance';
import type from './index.ts';

examine(type, { describe, it, root: import.meta.dirname });
