import { describe, it } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import { examine } from '../../core/conformance/index.ts';
import type from './index.ts';

// At the default scale the lives of llamacpp stand for all.
examine(type, { describe, it, root: import.meta.dirname, lives: atFullScale === false });
