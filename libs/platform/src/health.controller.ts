import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { EventLog } from '@switchhook/event-log';
import type { FastifyReply } from 'fastify';
import type { HealthBody, Readiness } from './readiness.js';
import { EVENT_LOG, READINESS } from './tokens.js';

@Controller('health')
export class HealthController {
  constructor(
    @Inject(READINESS) private readonly readiness: Readiness,
    @Inject(EVENT_LOG) private readonly log: EventLog,
  ) {}

  /** Whether the process itself works: a broker or database that is away is no reason to kill it. */
  @Get('live')
  live(@Res() reply: FastifyReply): void {
    const { stuck } = this.log.health();
    const log = stuck === undefined ? { ok: true } : { ok: false, reason: stuck };
    const body: HealthBody = { status: log.ok ? 'ok' : 'failing', checks: { log } };
    void reply.status(log.ok ? 200 : 503).send(body);
  }

  @Get('ready')
  ready(@Res() reply: FastifyReply): void {
    const body = this.readiness.report();
    void reply.status(body.status === 'ok' ? 200 : 503).send(body);
  }
}
