import { clientRecord, saveClient } from './clients.ts';
import { hashPassword, verifyPassword } from './passwords.ts';
import type { AuthService, Client } from './types.ts';

/**
 * Makes sure that the client of KILN_BOOTSTRAP_CLIENT exists, for automation before there is anybody
 * who could register one: a confidential system client that no role bounds and that administrates
 * while the setting stands (admin.ts). Its secret follows the setting. One that an administrator has
 * disabled stays so.
 */
export async function ensureBootstrapClient(service: AuthService): Promise<void> {
  const wanted = service.config.bootstrapClient;
  if (!wanted) return;
  const record = await clientRecord(service, wanted.id);
  if (record?.disabledAt !== undefined) {
    service.log.warn({ part: 'auth' }, 'KILN_BOOTSTRAP_CLIENT names a client that is disabled');
    return;
  }
  if (!(await isAsWanted(record?.client, wanted.secret))) {
    await saveClient(service, await clientOf(wanted));
  }
  service.log.warn(
    { part: 'auth' },
    'KILN_BOOTSTRAP_CLIENT is set: that client may do everything. Unset it and disable the client ' +
      'once others are registered',
  );
}

async function isAsWanted(client: Client | undefined, secret: string): Promise<boolean> {
  const { auth, secretHash } = client ?? {};
  const isChosen = auth === 'secret' && secretHash?.startsWith('$argon2') === true;
  return isChosen && (await verifyPassword(secretHash, secret));
}

/** A person chose the secret, so it is kept as passwords are. */
async function clientOf({ id, secret }: { id: string; secret: string }): Promise<Client> {
  return {
    ...{ id, name: 'Bootstrap client', auth: 'secret', secretHash: await hashPassword(secret) },
    ...{ jwks: undefined, jwksUri: undefined, redirectUris: [], launchUris: [] },
    ...{ grants: ['client_credentials'], scopes: 'system/*.cruds', roles: [], settings: {} },
  };
}
