import type { PlannedRoute } from '../../src/config/plan-types.js';
import { RouteTable } from '../../src/routing/route-table.js';
import { readTarget, type Target } from '../../src/http/target.js';
import { answer, jwt, route } from '../support/routes.js';

describe('many routes', () => {
  const shapes = (at: number): readonly PlannedRoute[] => [
    route(`exact${at}`, `/svc${at}/a`),
    route(`one${at}`, `/svc${at}/:id/b`),
    route(`rest${at}`, `/svc${at}/*`, { requirement: jwt }),
    route(`shared${at}`, `/shared/:tenant/svc${at}`),
  ];
  const tableOf = (count: number) => new RouteTable(Array.from({ length: count / 4 }, (_, at) => shapes(at)).flat());

  it.each([1_000, 10_000])('of %d the right one is found', (count) => {
    const table = tableOf(count);
    const at = count / 4 - 1;
    const found = (url: string) => {
      const each = answer(table, url);
      return each.kind === 'route' ? each.route.id : each.kind;
    };
    expect(found(`/svc${at}/a`)).toBe(`exact${at}`);
    expect(found(`/svc${at}/x/b`)).toBe(`one${at}`);
    expect(found(`/svc${at}/x/y`)).toBe(`rest${at}`);
    expect(found(`/shared/t/svc${at}`)).toBe(`shared${at}`);
    expect(found(`/SVC${at}/x`)).toBe('ambiguous_fold');
    expect(found(`/svc${at + 1}/a`)).toBe('none');
  });

  it('do not slow matching down', () => {
    const timeOf = (count: number) => {
      const table = tableOf(count);
      const questions = Array.from({ length: 1_000 }, (_, at) => ({
        host: 'gw',
        target: readTarget(`/svc${(at * 7) % (count / 4)}/x/b`) as Target,
        method: 'GET',
        headers: {},
      }));
      const times = Array.from({ length: 10 }, () => {
        const start = performance.now();
        for (const question of questions) table.find(question);
        return performance.now() - start;
      });
      return Math.min(...times);
    };
    timeOf(100);
    // A hundred times the routes would take a hundred times as long if they were tried one by one.
    expect(timeOf(10_000) / timeOf(100)).toBeLessThan(10);
  });
});
