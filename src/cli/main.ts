import './node-20.ts';
import { sentence } from '../lib/bytes/sentence.ts';
import { InputError } from '../lib/tensor/errors.ts';
import { ask } from './ask.ts';
import { bench } from './bench.ts';
import type { Command, Terminal } from './command.ts';
import { convertCommand } from './convert.ts';
import { evalCommand } from './eval.ts';
import { figure } from './figure.ts';
import { inspect } from './inspect.ts';
import { series } from './series.ts';

type Commands = Readonly<Record<string, Command>>;

const all: Commands = { convert: convertCommand, ask, eval: evalCommand, figure, series, inspect, bench };

const SUCCESS = 0;
const FAILURE = 1;
const UNUSABLE = 2;

/**
 * Runs `honeybee <args>`.
 * @param commands The commands there are.
 * @returns Exit code: 0 on success, 2 on unusable arguments or input, 1 on anything else, an interruption included.
 */
export async function main(args: readonly string[], commands: Commands = all): Promise<number> {
	const [name, ...rest] = args;
	if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
		print(process.stdout, help(commands));
		return name === undefined ? UNUSABLE : SUCCESS;
	}
	const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
	if (!command) {
		complain(
			`"${name}" is not a command; there are ${Object.keys(commands).join(', ')}. See honeybee --help.`
		);
		return UNUSABLE;
	}
	if (rest.includes('--help') || rest.includes('-h')) {
		print(process.stdout, commandHelp(name, command));
		return SUCCESS;
	}
	// A reader that has seen enough (… | head) is no failure.
	process.stdout.on('error', (error: NodeJS.ErrnoException) => {
		if (error.code === 'EPIPE') process.exit(SUCCESS);
		throw error;
	});
	const { terminal, close } = openTerminal();
	try {
		return (await command.run(rest, terminal)) ? SUCCESS : FAILURE;
	} catch (error) {
		terminal.progress('');
		if (terminal.signal.aborted) {
			complain('interrupted; what is done is kept.');
			return FAILURE;
		}
		complain(sentence(error));
		return error instanceof InputError ? UNUSABLE : FAILURE;
	} finally {
		close();
	}
}

function help(commands: Commands): string {
	const width = Math.max(...Object.keys(commands).map((name) => name.length)) + 2;
	const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}${summary}`);
	return [
		'Usage: honeybee <command> …',
		'',
		...lines,
		'',
		'honeybee <command> --help says more. Exit codes: 0 success, 2 unusable arguments or input, 1 anything else.'
	].join('\n');
}

function commandHelp(name: string, { synopsis, summary, details }: Command): string {
	return [`Usage: honeybee ${name} ${synopsis}`, '', summary, '', ...details.map((line) => `  ${line}`)].join(
		'\n'
	);
}

/** An error is one line. */
function complain(message: string): void {
	print(process.stderr, `honeybee: ${message.replace(/\s*\n\s*/g, ' ').trim()}`);
}

function print(stream: NodeJS.WriteStream, text: string): void {
	stream.write(`${text}\n`);
}

function openTerminal(): { terminal: Terminal; close: () => void } {
	const interrupt = new AbortController();
	const onInterrupt = () => {
		// A second Ctrl-C does not wait.
		if (interrupt.signal.aborted) process.exit(FAILURE);
		interrupt.abort();
	};
	process.on('SIGINT', onInterrupt);
	const { stderr } = process;
	let shown = false;
	const progress = (text: string) => {
		if (!stderr.isTTY) return;
		if (shown) stderr.write('\r\u001b[K');
		shown = text !== '';
		if (shown) stderr.write(text.slice(0, (stderr.columns || 80) - 1));
	};
	const terminal: Terminal = {
		signal: interrupt.signal,
		write: (text) => void process.stdout.write(text),
		progress,
		note(text) {
			progress('');
			if (stderr.isTTY) stderr.write(`${text}\n`);
		},
		warn(text) {
			progress('');
			print(stderr, text);
		}
	};
	return {
		terminal,
		close() {
			progress('');
			process.off('SIGINT', onInterrupt);
		}
	};
}
