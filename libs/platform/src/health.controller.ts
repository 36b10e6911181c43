import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Readiness } from './readiness.js';
import { READINESS } from './tokens.js';

@Controller('health')
export class HealthController {
  constructor(@Inject(READINESS) private readonly readiness: Readiness) {}

  /** Whether the process itself works: a broker or database that is away is no reason to kill it. */
  @Get('live')
  live(@Res() reply: FastifyReply): void {
    void reply.send({ status: 'ok', checks: {} });
  }

  @Get('ready')
  ready(@Res() reply: FastifyReply): void {
    const body = this.readiness.report();
    void reply.status(body.status === 'ok' ? 200 : 503).send(body);
  }
}
