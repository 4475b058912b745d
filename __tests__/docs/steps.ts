/** What a page asks its reader to do, in order: each step is one test. */
import { pageOf, wordOf, type Block, type Page } from './pages.js';
import type { Scene } from './scene.js';

export interface Step {
  readonly title: string;
  act(scene: Scene): Promise<void> | void;
}

/** Programs whose lines are for the reader: they need a network, a cluster or another machine. */
const FOR_THE_READER =
  /^(?:npm|NODE_OPTIONS=|LOOM_ADMIN_TOKEN=|npx (?:asc|jest|vitest|loom-auth (?:demo|schema >))|cargo|node (?:--|examples)|kubectl|docker|openssl|export|kill|git|cd|echo|#|\/)/;

const at = ({ path }: Page, line: number, what: string): string => `${path}:${line} ${what}`;

function yamlSteps(page: Page, block: Block): Step[] {
  if (block.words.includes('foreign')) return [];
  const strategies = wordOf(block, 'strategies')?.split(',') ?? [];
  const act = (scene: Scene): void => scene.load(scene.write(block), strategies);
  return [{ title: at(page, block.line, 'loads'), act }];
}

function codeSteps(page: Page, block: Block): Step[] {
  const running = block.words.includes('run');
  const named = wordOf(block, 'file') !== undefined;
  if (!running && !named) return [];
  const act = async (scene: Scene): Promise<void> => {
    const file = scene.write(block);
    if (running) await scene.run(file);
  };
  return [{ title: at(page, block.line, running ? 'runs' : 'is written'), act }];
}

/** `curl …  # 401` or `# 401 unauthorized`, with the code of the body. */
function shellSteps(page: Page, block: Block): Step[] {
  if (block.words.includes('foreign')) return [];
  const lines = block.text.replaceAll('\\\n', ' ').split('\n');
  return lines.flatMap((whole, index): Step[] => {
    const line = /^curl /.test(whole.trim()) ? whole.trim() : whole.replace(/\s#\s.*$/, '').trim();
    const title = at(page, block.line + 1 + index, line);
    if (line === '' || FOR_THE_READER.test(line)) return [];
    const [, asked, status, code] = /^(curl .+?)\s+# (\d{3})(?: (\w+))?$/.exec(line) ?? [];
    if (asked !== undefined) {
      const act = async (scene: Scene): Promise<void> => {
        const answer = await scene.curl(asked);
        const said = /problem\+json/.test(String(answer.headers['content-type']))
          ? (JSON.parse(answer.body) as { code: string }).code
          : undefined;
        expect({ status: answer.status, ...(code !== undefined && { code: said }) }).toEqual({
          status: Number(status),
          ...(code !== undefined && { code }),
        });
      };
      return [{ title, act }];
    }
    const [, served] = /^(?:npx )?loom-auth serve(?: --[\w-]+(?: \d+)?)*(?: (\S+\.yaml))?$/.exec(line) ?? [];
    if (/loom-auth serve/.test(line)) return [{ title, act: (scene) => scene.serve(served ?? 'loom.yaml') }];
    if (/^npx loom-auth /.test(line)) {
      const act = async (scene: Scene): Promise<void> => {
        const { code, printed } = await scene.command(line);
        expect({ code, printed }).toMatchObject({ code: 0 });
      };
      return [{ title, act }];
    }
    const [, ran] = /^node (\S+\.m?[jt]s)$/.exec(line) ?? [];
    if (ran !== undefined) return [{ title, act: async (scene) => void (await scene.run(`${scene.folder}/${ran}`)) }];
    throw new Error(`${title}: no test knows this line`);
  });
}

/** `$ command`, and then its output. `…` matches any text. */
function consoleSteps(page: Page, block: Block): Step[] {
  const parts = block.text.split(/^\$ /m).filter(Boolean);
  return parts.map((part): Step => {
    const [command = '', ...output] = part.split('\n');
    const act = async (scene: Scene): Promise<void> => {
      const { printed } = await scene.command(command);
      const clean = (text: string): string =>
        text
          .split('\n')
          .map((each) => each.trimEnd())
          .join('\n')
          .trim();
      const expected = clean(output.join('\n'));
      if (!expected.includes('…')) return expect(clean(printed)).toBe(expected);
      const pattern = expected
        .split('…')
        .map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
        .join('[^]*?');
      expect(clean(printed)).toMatch(new RegExp(`^${pattern}$`));
    };
    return { title: at(page, block.line, command), act };
  });
}

const STEPS: Readonly<Record<string, (page: Page, block: Block) => Step[]>> = {
  yaml: yamlSteps,
  js: codeSteps,
  ts: codeSteps,
  sh: shellSteps,
  console: consoleSteps,
};

/** `typescript` blocks are signatures in docs/reference/api.md, which `reference.test.ts` compares with the code. */
export const LANGUAGES = [...Object.keys(STEPS), 'json', 'text', 'rust', 'typescript'];

export function stepsOf(path: string): readonly Step[] {
  const page = pageOf(path);
  return page.blocks.flatMap((block) => STEPS[block.language]?.(page, block) ?? []);
}
