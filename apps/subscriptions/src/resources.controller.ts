import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { RESOURCES, findResource } from '@switchhook/contracts';
import { HttpFault } from '@switchhook/platform';
import type { FastifyReply } from 'fastify';
import { answer } from './json-answer.js';
import { readFieldsQuery } from './query.js';

/** The event catalogue as CallFire shows it: no paging members (telephony.md §1.1). */
@Controller('v2/webhooks/resources')
export class ResourcesController {
  @Get()
  find(@Query() query: unknown, @Res() reply: FastifyReply): void {
    answer(reply, { items: RESOURCES }, readFieldsQuery(query));
  }

  @Get(':resource')
  get(@Param('resource') resource: string, @Query() query: unknown, @Res() reply: FastifyReply): void {
    const fields = readFieldsQuery(query);
    const found = findResource(resource);
    if (!found) {
      const supported = RESOURCES.map((each) => each.resource).join(', ');
      throw new HttpFault('unknownId', `There is no resource of that name; there are ${supported}`);
    }
    answer(reply, found, fields);
  }
}
