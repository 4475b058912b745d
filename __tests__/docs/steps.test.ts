/** Each page is done from top to bottom: its files load, its programs run, its commands answer as it says. */
import { PAGES } from './pages.js';
import { Scene } from './scene.js';
import { LANGUAGES, stepsOf } from './steps.js';

test.each(PAGES)('$path: every code block has a language that is tested', ({ blocks }) => {
  expect(
    blocks.filter(({ language }) => !LANGUAGES.includes(language)).map(({ line, language }) => [line, language]),
  ).toEqual([]);
});

const withSteps = PAGES.map(({ path }) => ({ path, steps: stepsOf(path) })).filter(({ steps }) => steps.length > 0);

describe.each(withSteps)('$path', ({ steps }) => {
  const scene = new Scene();
  beforeAll(() => scene.open());
  afterAll(() => scene.close());
  test.each(steps.map((step) => [step.title, step] as const))('%s', async (_title, step) => {
    await step.act(scene);
  });
});
