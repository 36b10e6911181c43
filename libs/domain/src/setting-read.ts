/** The value of a setting, or what is wrong with it; `at` goes on after the setting's name where the fault lies inside. */
export type Read = { readonly value: unknown } | { readonly words: string; readonly at?: string };

/** Reads one setting; null and undefined never reach it. */
export type Reader = (value: unknown) => Read;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
