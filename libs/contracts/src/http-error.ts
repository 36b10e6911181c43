import { z } from 'zod';

/** CallFire's error body, with our list of faults on a validation error (interfaces.md, "Errors"). */
export const HttpErrorSchema = z
  .object({
    httpStatusCode: z.number().int(),
    internalCode: z.number().int(),
    message: z.string(),
    developerMessage: z.string(),
    helpLink: z.string(),
    errors: z
      .array(z.object({ index: z.number().int().optional(), field: z.string(), message: z.string() }))
      .optional(),
  })
  .meta({ id: 'ErrorResponse' });
export type HttpErrorBody = z.infer<typeof HttpErrorSchema>;

/** One fault of a request: `field` is a dotted path such as `data` or `retry.delaysMs[3]`; `index` the event of a batch. */
export interface Fault {
  readonly index?: number;
  readonly field: string;
  readonly message: string;
}
