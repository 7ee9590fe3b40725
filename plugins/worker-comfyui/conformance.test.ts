import { describe, it } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import { examine } from '../../core/conformance/index.ts';
import type from './index.ts';

// At the default scale, only llamacpp runs whole worker lives.
examine(type, { describe, it, root: import.meta.dirname, lives: atFullScale === false });
