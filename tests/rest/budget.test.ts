import { describe, expect, it } from 'vitest';
import { createBudget } from '../../server/rest/budget.ts';

const state = async (promise: Promise<unknown>): Promise<string> =>
  Promise.race([
    promise.then(
      () => 'admitted',
      () => 'refused',
    ),
    new Promise<string>((resolve) => setImmediate(() => resolve('waiting'))),
  ]);

describe('createBudget()', () => {
  it('admits what fits and lets the rest wait in order', async () => {
    const budget = createBudget(100, 1000);
    const release = await budget.acquire(60);
    const second = budget.acquire(50);
    const third = budget.acquire(10);
    expect(await state(second)).toBe('waiting');
    expect(await state(third)).toBe('waiting');
    release();
    expect(await state(second)).toBe('admitted');
    expect(await state(third)).toBe('admitted');
  });

  it('admits one that is larger than the whole when it is alone', async () => {
    const budget = createBudget(100, 1000);
    const release = await budget.acquire(5000);
    const next = budget.acquire(1);
    expect(await state(next)).toBe('waiting');
    release();
    expect(await state(next)).toBe('admitted');
  });

  it('gives back once, however often it is told', async () => {
    const budget = createBudget(100, 1000);
    const release = await budget.acquire(100);
    release();
    release();
    await budget.acquire(100);
    expect(await state(budget.acquire(1))).toBe('waiting');
  });

  it('refuses with "busy" after the waiting time, and admits those behind', async () => {
    const budget = createBudget(100, 20);
    await budget.acquire(50);
    const large = budget.acquire(80);
    const small = budget.acquire(20);
    await expect(large).rejects.toMatchObject({ kind: 'busy' });
    expect(await state(small)).toBe('admitted');
  });
});
