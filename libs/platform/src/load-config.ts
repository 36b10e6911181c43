import { z } from 'zod';
import { StartError } from './start-error.js';

/** What is wrong with one variable. */
export interface ConfigFault {
  readonly variable: string;
  readonly words: string;
}

/** A wrong or missing setting: stops the start with one message that lists every fault. */
export class ConfigError extends StartError {
  constructor(readonly faults: readonly ConfigFault[]) {
    super(['The settings are wrong:', ...faults.map(({ variable, words }) => `  ${variable}: ${words}`)].join('\n'));
  }
}

/** Variables whose values are never printed. A database URL and a proxy's have a password in them. */
const SECRET_NAME = /PASSWORD|SECRET|TOKEN|DATABASE_URL|PROXY|_KEY$/;

/**
 * Reads the variables that `schema` (an object schema by variable name) declares. An empty variable counts as absent.
 * Throws `ConfigError` with every fault: the variable, what is wrong, and its value, masked where it is a secret.
 */
export function loadConfig<Schema extends z.ZodObject>(schema: Schema, env: NodeJS.ProcessEnv): z.output<Schema> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map((issue) => faultOf(issue, given)));
}

function faultOf(issue: z.core.$ZodIssue, given: NodeJS.ProcessEnv): ConfigFault {
  const variable = String(issue.path[0] ?? '');
  const value = given[variable];
  if (value === undefined) return { variable, words: issue.code === 'custom' ? issue.message : 'is missing' };
  const shown = SECRET_NAME.test(variable) ? '****' : JSON.stringify(value);
  return { variable, words: `${issue.message} (it is ${shown})` };
}

/** A variable that holds a whole number from `min` to `max`. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .refine((text) => /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number);

/** A variable that is `on` or `off`. */
export const onOff = () => z.enum(['on', 'off'], { error: 'must be on or off' }).transform((text) => text === 'on');

/** A variable that lists things, separated by commas; blanks around them do not count. */
export const commaList = () =>
  z.string().transform((text) =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  );
