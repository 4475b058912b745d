/** Limits how many callers proceed in each turn of the event loop. The others wait for a later turn, in order. */
export class Pace {
  #acted = 0;
  #isRenewing = false;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  turn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#acted >= this.most) this.#waiting.push(resolve);
      else this.#act(resolve);
    });
  }

  #act(act: () => void): void {
    this.#acted += 1;
    act();
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    setImmediate(() => this.#renew());
  }

  #renew(): void {
    this.#isRenewing = false;
    this.#acted = 0;
    for (const each of this.#waiting.splice(0, this.most)) this.#act(each);
  }
}
