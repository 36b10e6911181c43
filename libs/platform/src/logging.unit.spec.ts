import { describe, expect, it } from 'vitest';
import { createLogger } from './logging.js';

describe('logging', () => {
  it('writes one JSON line, without secrets wherever they were put', () => {
    const lines: string[] = [];
    const logger = createLogger({ service: 'test', level: 'info', stream: { write: (line) => void lines.push(line) } });
    logger.info(
      {
        password: 'hunter2',
        webhook: { id: 1, secret: 'hunter2', auth: { password: 'hunter2' } },
        headers: { authorization: 'hunter2' },
      },
      'saved',
    );
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      service: 'test',
      msg: 'saved',
      webhook: { id: 1, secret: '****' },
    });
    expect(lines[0]).not.toContain('hunter2');
  });
});
