/** Turns SIGHUP into reloads. */

/**
 * Listens at once, because an unhandled signal would end a gateway that is still starting. Returns a function that sets
 * the reload. An earlier signal then causes a reload.
 *
 * @example const reloads = onReloadSignal(); const gateway = await serve(file); reloads(() => gateway.reload());
 */
export function onReloadSignal(): (reload: () => Promise<unknown>) => void {
  let early = false;
  let act = (): void => void (early = true);
  process.on('SIGHUP', () => act());
  return (reload) => {
    // The log has the reason why a file was refused.
    act = () => void reload().catch(() => undefined);
    if (early) act();
  };
}
