import { Body, Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { PausedScope } from '@switchhook/contracts';
import { actorOf } from '@switchhook/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { answer } from './json-answer.js';
import type { ManagePauses } from './manage-pauses.js';
import { readPageQuery } from './query.js';

export const MANAGE_PAUSES = Symbol('MANAGE_PAUSES');

/** Holding deliveries (interfaces.md, `/v2/platform/pause`). */
@Controller('v2/platform')
export class PausesController {
  constructor(@Inject(MANAGE_PAUSES) private readonly pauses: ManagePauses) {}

  @Get('pause')
  find(@Req() request: FastifyRequest, @Query() query: unknown, @Res() reply: FastifyReply): void {
    const { fields, page } = readPageQuery(query);
    const { items, totalCount } = this.pauses.find(actorOf(request), page);
    answer(reply, { items, ...page, totalCount }, fields);
  }

  @Post('pause')
  @HttpCode(200)
  pause(@Req() request: FastifyRequest, @Body() body: unknown): Promise<PausedScope> {
    return this.pauses.pause(actorOf(request), body);
  }

  @Post('resume')
  @HttpCode(200)
  resume(@Req() request: FastifyRequest, @Body() body: unknown): Promise<PausedScope> {
    return this.pauses.resume(actorOf(request), body);
  }
}
