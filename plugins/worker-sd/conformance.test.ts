import { describe, it } from 'node:test';
import { examine } from '../../core/conformance/index.ts';
import type from './index.ts';

examine(type, { describe, it, root: import.meta.dirname });
