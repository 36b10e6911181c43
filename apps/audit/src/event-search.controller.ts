import { Controller, Get, Inject, Query, Req } from '@nestjs/common';
import type { EventPage } from '@switchhook/contracts';
import { actorOf } from '@switchhook/platform';
import type { FastifyRequest } from 'fastify';
import { DELIVERY_LOG } from './deliveries.controller.js';
import type { DeliveryLog } from './delivery-log.js';

@Controller('v2/events')
export class EventSearchController {
  constructor(@Inject(DELIVERY_LOG) private readonly log: DeliveryLog) {}

  @Get()
  search(@Req() request: FastifyRequest, @Query() query: unknown): Promise<EventPage> {
    return this.log.searchEvents(actorOf(request), query);
  }
}
