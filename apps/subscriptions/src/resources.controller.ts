import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ALL_RESOURCES, RESOURCES } from '@switchhook/contracts';
import { HttpFault } from '@switchhook/platform';
import type { FastifyReply } from 'fastify';
import { answer } from './json-answer.js';
import { readCatalogueQuery } from './query.js';

/** The event catalogue as CallFire shows it: no paging members (telephony.md §1.1). Our own events: `?profile=*`. */
@Controller('v2/webhooks/resources')
export class ResourcesController {
  @Get()
  find(@Query() query: unknown, @Res() reply: FastifyReply): void {
    const { fields, profile } = readCatalogueQuery(query);
    answer(reply, { items: resourcesOf(profile) }, fields);
  }

  @Get(':resource')
  get(@Param('resource') name: string, @Query() query: unknown, @Res() reply: FastifyReply): void {
    const { fields, profile } = readCatalogueQuery(query);
    const resources = resourcesOf(profile);
    const found = resources.find(({ resource }) => resource.toLowerCase() === name.toLowerCase());
    if (!found) {
      const supported = resources.map(({ resource }) => resource).join(', ');
      throw new HttpFault('unknownId', `There is no resource of that name; there are ${supported}`);
    }
    answer(reply, found, fields);
  }
}

/** Every profile that there is so far shows CallFire's resources. */
const resourcesOf = (profile: string | undefined) => (profile === '*' ? ALL_RESOURCES : RESOURCES);
