/** Turns SIGHUP into reloads. */

/**
 * Listens at once: unheard, the signal would end a gateway that is still starting. Returns how to say what a reload is;
 * a signal from before counts then.
 *
 * @example const reloads = onReloadSignal(); const gateway = await serve(file); reloads(() => gateway.reload());
 */
export function onReloadSignal(): (reload: () => Promise<unknown>) => void {
  let early = false;
  let act = (): void => void (early = true);
  process.on('SIGHUP', () => act());
  return (reload) => {
    // Why a file was not taken, the log says.
    act = () => void reload().catch(() => undefined);
    if (early) act();
  };
}
