import { createMetrics } from '@switchhook/platform';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { deliveryReport } from './delivery-report.js';

interface Line {
  readonly level: number;
  readonly msg: string;
}

function givenReport() {
  const lines: Line[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as Line) });
  return { lines, report: deliveryReport(createMetrics(), logger, () => 0) };
}

describe('what operators hear of delivery', () => {
  it('says as a warning which partition reads its outcomes again because the database lost writes, and from where', () => {
    const { lines, report } = givenReport();
    report.scheduleLost(3, 41, 57);
    expect(lines).toEqual([
      expect.objectContaining({ level: 40, partition: 3, from: 41, to: 57, msg: expect.stringContaining('lost') }),
    ]);
  });

  it('says that deliveries were paused or resumed, and how many of them wait', () => {
    const { lines, report } = givenReport();
    report.pausesChanged(12);
    expect(lines).toEqual([expect.objectContaining({ level: 30, parked: 12 })]);
  });

  it('says with its cause what failed', () => {
    const { lines, report } = givenReport();
    report.failed('the look-up', new Error('no'));
    expect(lines).toEqual([
      expect.objectContaining({ level: 50, msg: 'the look-up', err: expect.objectContaining({ message: 'no' }) }),
    ]);
  });
});
