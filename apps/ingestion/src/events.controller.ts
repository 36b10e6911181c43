import { Controller, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { actorOf } from '@switchhook/platform';
import type { FastifyRequest } from 'fastify';
import type { AcceptEvents, Accepted } from './accept.js';

export const ACCEPT_EVENTS = Symbol('ACCEPT_EVENTS');

@Controller('v2/events')
export class EventsController {
  constructor(@Inject(ACCEPT_EVENTS) private readonly accept: AcceptEvents) {}

  @Post()
  @HttpCode(202)
  post(@Req() request: FastifyRequest): Promise<Accepted> {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    return this.accept({ headers: request.headers, body }, actorOf(request));
  }
}
