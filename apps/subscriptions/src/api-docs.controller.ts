import { Controller, Get, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { swaggerDocument } from './swagger.js';

@Controller('v2/api-docs')
export class ApiDocsController {
  /** `host` is what the client asked, so that its next calls come back here. */
  @Get('swagger.json')
  swagger(@Req() request: FastifyRequest): unknown {
    return swaggerDocument({ host: request.host, scheme: request.protocol });
  }
}
