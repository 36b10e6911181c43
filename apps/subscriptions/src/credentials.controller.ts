import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { actorOf } from '@switchhook/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { answer } from './json-answer.js';
import type { CredentialView, ManageCredentials } from './manage-credentials.js';
import { readFieldsQuery, readPageQuery } from './query.js';

export const MANAGE_CREDENTIALS = Symbol('MANAGE_CREDENTIALS');

/** CallFire API v2, API credentials (interfaces.md, "/v2/me/api/credentials"). */
@Controller('v2/me/api/credentials')
export class CredentialsController {
  constructor(@Inject(MANAGE_CREDENTIALS) private readonly credentials: ManageCredentials) {}

  @Get()
  async find(@Req() request: FastifyRequest, @Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    const { fields, page } = readPageQuery(query);
    const { items, totalCount } = await this.credentials.find(actorOf(request), page);
    answer(reply, { items, ...page, totalCount }, fields);
  }

  @Post()
  @HttpCode(201)
  create(@Req() request: FastifyRequest, @Body() body: unknown): Promise<CredentialView> {
    return this.credentials.create(actorOf(request), body);
  }

  @Get(':id')
  async get(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Query() query: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const fields = readFieldsQuery(query);
    answer(reply, await this.credentials.get(actorOf(request), id), fields);
  }

  @Delete(':id')
  @HttpCode(204)
  delete(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.credentials.delete(actorOf(request), id);
  }

  @Post(':id/enable')
  @HttpCode(200)
  enable(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.credentials.enable(actorOf(request), id);
  }

  @Post(':id/disable')
  @HttpCode(200)
  disable(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.credentials.disable(actorOf(request), id);
  }
}
