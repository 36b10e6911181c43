import { Controller, Get, Inject, Param, Query, Req } from '@nestjs/common';
import type { DeliveryPage, DeliveryWithAttempts } from '@switchhook/contracts';
import { actorOf } from '@switchhook/platform';
import type { FastifyRequest } from 'fastify';
import type { DeliveryLog } from './delivery-log.js';

export const DELIVERY_LOG = Symbol('DELIVERY_LOG');

@Controller('v2')
export class DeliveriesController {
  constructor(@Inject(DELIVERY_LOG) private readonly log: DeliveryLog) {}

  @Get('deliveries')
  search(@Req() request: FastifyRequest, @Query() query: unknown): Promise<DeliveryPage> {
    return this.log.search(actorOf(request), query);
  }

  @Get('deliveries/:id')
  read(@Req() request: FastifyRequest, @Param('id') id: string): Promise<DeliveryWithAttempts> {
    return this.log.read(actorOf(request), id);
  }

  @Get('webhooks/:id/deliveries')
  searchOfWebhook(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Query() query: unknown,
  ): Promise<DeliveryPage> {
    return this.log.searchOfWebhook(actorOf(request), id, query);
  }
}
