import type { commands } from '../../src/cli/program.js';

export function cliHelp(commandsOf: typeof commands): readonly { readonly command: string; readonly text: string }[];
