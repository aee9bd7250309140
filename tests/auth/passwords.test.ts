import { describe, expect, it } from 'vitest';
import { hashPassword, passwordFault, verifyPassword } from '../../server/auth/passwords.ts';

describe('hashPassword()', () => {
  it('makes argon2id with 19 MiB and two passes, salted', async () => {
    const [one, two] = await Promise.all([
      hashPassword('correct horse'),
      hashPassword('correct horse'),
    ]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(two);
  });

  it('refuses more work than it could do in time', async () => {
    const all = Array.from({ length: 150 }, () => hashPassword('correct horse'));
    const done = await Promise.allSettled(all);
    const refused = done.filter((one) => one.status === 'rejected');
    expect(refused).toHaveLength(150 - 102);
    expect(refused[0]).toMatchObject({ reason: { status: 429, retryAfter: 5 } });
    await expect(hashPassword('correct horse')).resolves.toBeTypeOf('string');
  });
});

describe('verifyPassword()', () => {
  it.each([
    ['the password', 'correct horse', true],
    ['the same text in another normal form', 'ﬁfteen cafe\u0301s', true, 'fifteen caf\u00e9s'],
    ['another password', 'correct horsf', false],
    ['the empty one', '', false],
  ])('takes %s as it should', async (_case, tried, right, text = 'correct horse') => {
    expect(await verifyPassword(await hashPassword(text), tried)).toBe(right);
  });

  it('refuses everything where there is no password', async () => {
    expect(await verifyPassword(undefined, 'correct horse')).toBe(false);
  });
});

describe('passwordFault()', () => {
  it.each([
    ['elevenchars', 'at least 12'],
    ['x'.repeat(257), 'at most 256'],
    ['aaaaaaaaaaaaaaaa', 'easy to guess'],
    ['123456789012', 'easy to guess'],
    ['Password2026!', 'easy to guess'],
    ['admin-kiln-2026', 'easy to guess'],
    ['ada.lovelace22', 'easy to guess'],
  ])('refuses %s', (text, why) => {
    expect(passwordFault(text, ['ada.lovelace', 'Ada Lovelace'])).toContain(why);
  });

  it.each([
    'correct horse battery',
    'Xk7!pQ2#vL9z',
    'пароль из слов',
    '合言葉は山と川と海と空と雲と月',
  ])('takes %s', (text) => {
    expect(passwordFault(text, ['ada', 'Ada Lovelace'])).toBeUndefined();
  });
});
