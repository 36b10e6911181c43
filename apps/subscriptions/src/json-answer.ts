import { selectFields } from '@switchhook/domain';
import type { FastifyReply } from 'fastify';

/** Answers 200 with `body`, or with the part of it that `fields` selects (CallFire's partial responses). */
export function answer(reply: FastifyReply, body: unknown, fields: string | undefined): void {
  const text = Buffer.from(JSON.stringify(body));
  void reply
    .status(200)
    .header('content-type', 'application/json; charset=utf-8')
    .send(fields === undefined ? text : selectFields(text, fields));
}
