import 'reflect-metadata';
import { runProcess, runService } from '@switchhook/platform';
import { gatewayProcess } from './gateway/start-gateway.js';
import { serviceFor } from './roles.js';

if (process.env['ROLE'] === 'gateway') await runProcess(gatewayProcess(process.env));
else await runService(serviceFor(process.env));
