import { DbError, StartError } from './error.ts';
import { type Client, type clientConfig, send } from './pg.ts';
import { loadSql } from './sql.ts';

const rolesSql = loadSql(import.meta.url, 'roles.sql').text;
const roleSql = loadSql(import.meta.url, 'role.sql').text;

type Config = ReturnType<typeof clientConfig>;

/**
 * Arranges that the connections that serve cannot change or remove what is in the audit journal.
 * Returns `config` for these: in the embedded PostgreSQL they log in by a role that is no superuser;
 * where the user of DATABASE_URL is one, they take that role; else they keep their own.
 */
export async function arrangeRoles(
  client: Client,
  config: Config,
  { embedded }: { embedded: boolean },
): Promise<Config> {
  try {
    await send(client, { text: rolesSql });
    const { rows } = await send(client, { text: roleSql });
    const [role] = rows as { rolname: string }[];
    if (!role) return config;
    if (!embedded) return { ...config, options: `${config.options} -c role=${role.rolname}` };
    await send(client, { text: 'alter role kiln_server login' });
    return { ...config, user: role.rolname };
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    throw new StartError(
      `The owners of the tables could not be arranged (server/db/sql/roles.sql): ${error.message}`,
      error,
    );
  }
}
