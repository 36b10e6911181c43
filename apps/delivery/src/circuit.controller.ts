import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { WebhookCircuit } from '@switchhook/contracts';
import { actorOf } from '@switchhook/platform';
import type { FastifyRequest } from 'fastify';
import type { ShowCircuit } from './show-circuit.js';

export const SHOW_CIRCUIT = Symbol('SHOW_CIRCUIT');

@Controller('v2/webhooks/:id/circuit')
export class CircuitController {
  constructor(@Inject(SHOW_CIRCUIT) private readonly circuit: ShowCircuit) {}

  @Get()
  look(@Req() request: FastifyRequest, @Param('id') id: string, @Query() query: unknown): Promise<WebhookCircuit> {
    return this.circuit.look(actorOf(request), id, query);
  }

  @Post('reset')
  @HttpCode(200)
  reset(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Query() query: unknown,
    @Body() body: unknown,
  ): Promise<WebhookCircuit> {
    return this.circuit.reset(actorOf(request), id, query, body);
  }
}
