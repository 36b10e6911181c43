import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { actorOf } from '@switchhook/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { answer } from './json-answer.js';
import type { Created } from './create-webhook.js';
import type { FindWebhooks } from './find-webhooks.js';
import type { ManageWebhooks } from './manage-webhooks.js';
import { readFieldsQuery, readWebhookQuery } from './query.js';
import { webhookView } from './webhook-view.js';

export const MANAGE_WEBHOOKS = Symbol('MANAGE_WEBHOOKS');
export const FIND_WEBHOOKS = Symbol('FIND_WEBHOOKS');

/** CallFire API v2, webhooks (telephony.md §1.1). */
@Controller('v2/webhooks')
export class WebhooksController {
  constructor(
    @Inject(MANAGE_WEBHOOKS) private readonly webhooks: ManageWebhooks,
    @Inject(FIND_WEBHOOKS) private readonly findWebhooks: FindWebhooks,
  ) {}

  @Get()
  async find(@Req() request: FastifyRequest, @Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    const { fields, page, filter } = readWebhookQuery(query);
    const { items, totalCount, failing } = await this.findWebhooks(actorOf(request), filter, page);
    const views = items.map((webhook) => ({ ...webhookView(webhook), failing: failing?.get(webhook.id) }));
    answer(reply, { items: views, ...page, totalCount }, fields);
  }

  @Post()
  @HttpCode(201)
  create(@Req() request: FastifyRequest, @Body() body: unknown): Promise<Created> {
    return this.webhooks.create(actorOf(request), body);
  }

  @Get(':id')
  async get(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Query() query: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const fields = readFieldsQuery(query);
    answer(reply, webhookView(await this.webhooks.get(actorOf(request), id)), fields);
  }

  @Put(':id')
  @HttpCode(200)
  change(@Req() request: FastifyRequest, @Param('id') id: string, @Body() body: unknown): Promise<void> {
    return this.webhooks.change(actorOf(request), id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  delete(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.webhooks.delete(actorOf(request), id);
  }
}
