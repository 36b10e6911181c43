import type { AssignedPartition } from '@switchhook/event-log';
import { eventually } from '@switchhook/testing';
import { describe, expect, it } from 'vitest';
import { Membership } from './membership.js';

function partition(number: number, isSure: () => boolean): AssignedPartition {
  return { partition: number, starts: {}, ends: {}, signal: new AbortController().signal, isSure };
}

describe('the membership that calls need', () => {
  it('holds the calls of a partition that we may lose, and of no other', () => {
    const membership = new Membership(() => undefined);
    membership.assign(partition(0, () => false));
    membership.assign(partition(1, () => true));
    expect([membership.isSure(0), membership.isSure(1)]).toEqual([false, true]);
    membership.close();
  });

  it('says once that calls may begin again, as soon as heartbeats are back', async () => {
    let sure = false;
    let told = 0;
    const membership = new Membership(() => (told += 1));
    membership.assign(partition(0, () => sure));
    expect([membership.isSure(0), membership.isSure(0), told]).toEqual([false, false, 0]);
    sure = true;
    await eventually(() => expect(told).toBe(1));
    expect(membership.isSure(0)).toBe(true);
    // While another membership has looked several times.
    let looks = 0;
    const beside = new Membership(() => undefined);
    beside.assign(partition(0, () => ((looks += 1), false)));
    beside.isSure(0);
    await eventually(() => expect(looks).toBeGreaterThan(4));
    beside.close();
    expect(told).toBe(1);
    membership.close();
  });

  it('says so of the partition that may begin, and looks on for the others', async () => {
    const sure = [false, false];
    const told = new Set<string>();
    const membership = new Membership(() => told.add(sure.join()));
    membership.assign(partition(0, () => sure[0]!));
    membership.assign(partition(1, () => sure[1]!));
    expect([membership.isSure(0), membership.isSure(1)]).toEqual([false, false]);
    sure[0] = true;
    await eventually(() => expect(told).toContain('true,false'));
    sure[1] = true;
    await eventually(() => expect(told).toContain('true,true'));
    membership.close();
  });

  it('holds the calls of a partition that is not ours (any more)', () => {
    const membership = new Membership(() => undefined);
    expect(membership.isSure(0)).toBe(false);
    membership.assign(partition(0, () => true));
    membership.revoke(0);
    expect(membership.isSure(0)).toBe(false);
  });
});
