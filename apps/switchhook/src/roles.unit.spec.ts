import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { serviceFor } from './roles.js';

describe('role', () => {
  it('is all services behind one port unless one is named', () => {
    for (const env of [{}, { ROLE: '' }, { ROLE: 'all' }, { ROLE: 'toString' }]) {
      const service = serviceFor(env);
      expect([service.name, service.defaultPort, service.modules.length]).toEqual(['switchhook', 8080, 5]);
      expect(service.prepare).toBeDefined();
    }
  });

  it('names one service, which then makes nothing for itself', () => {
    const service = serviceFor({ ROLE: 'delivery' });
    expect([service.name, service.defaultPort, service.modules.length]).toEqual(['delivery', 8084, 1]);
    expect(service.prepare).toBeUndefined();
  });
});
