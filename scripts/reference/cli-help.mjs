/** The help of the program and of each command, as commander prints it. */

const WIDTH = 100;

/** @param commandsOf Makes the program for a terminal. */
export function cliHelp(commandsOf) {
  let text = '';
  const output = { write: (part) => (text += part) };
  const program = commandsOf({ stdout: output, stderr: output, env: {} }, async () => undefined);
  const helpOf = (command, name) => {
    text = '';
    command.configureHelp({ helpWidth: WIDTH }).outputHelp();
    return [{ command: name, text }, ...command.commands.flatMap((each) => helpOf(each, `${name} ${each.name()}`))];
  };
  return helpOf(program, program.name());
}
